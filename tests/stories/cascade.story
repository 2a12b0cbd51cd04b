# The active standby fails too.
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
health spare down
planned cloud
expect fence spare
fenced spare stopped
activated cloud ok
health cloud up
expect active cloud
expect epoch 3
