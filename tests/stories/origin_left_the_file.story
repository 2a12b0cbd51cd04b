# A way home is past its grant when the target that it came from leaves the file, and home does not come up: nobody goes back to what nobody
# knows. (Found by reading: the orchestrator ended.)
target home
target spare
target cloud
failback manual
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
person failback
fenced spare stopped
expect activate home
file-without spare
restart
observed home active epoch=3
expect watch home
health home down
expect plan
planned cloud
expect fence home
fenced home stopped
expect activate cloud
activated cloud ok
health cloud up
expect active cloud
expect phase active
