# The spare ran for days, and has left the file: home has a copy of before that. It is started with what the spare saved. (Found by reading.)
target home paths
target spare paths
state no-save
failback manual
runs-at home
health home down
planned spare
prepared s1
fenced home stopped
prepared s1
activated spare ok
health spare up
expect active spare
file-without spare
restart
expect blocked target_gone
observed home stopped
person promote home --force
expect answer ok
expect no activate home
expect prepare home
prepared s7
expect activate home
activated home ok
health home up
expect active home
# The same when the move away from it was given up, since where it was going left the file.
target cloud
person promote cloud
fenced home stopped
saved s8
prepared s8
activated cloud ok
health cloud up
expect active cloud
person failback
fenced cloud stopped
file-without home
restart
expect blocked target_gone
target home paths
person resume
observed home stopped
observed cloud stopped
expect no activate home
fenced cloud stopped
expect prepare home
prepared s9
expect activate home
