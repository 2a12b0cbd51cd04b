# A candidate said that it did not start, and nobody else can be tried. Should its agent start it after all, it gets no lease: the next
# grant would not wait for its end.
target home
target spare lease
target cloud
state
runs-at home
health home down
planned spare
fenced home stopped
prepared s1
activated spare denied
expect plan
renews spare epoch=2 by=a
expect lease revoked
planned nobody
wait 2s
planned spare
prepared s1
activated spare ok
renews spare epoch=3 by=a
expect lease granted
health spare up
expect active spare

# A move from it is dropped, since the file does not name its target for a while. Its agent was refused: it goes on under an epoch that
# is not ended, and nobody starts with an older state.
health spare down
planned cloud
expect fence spare
renews spare epoch=3 by=a
expect lease revoked
file-without cloud
restart
expect blocked target_gone
target cloud
restart
expect active spare
expect epoch 4
renews spare epoch=4 by=a
expect lease granted
observed home stopped
observed spare stopped
expect no activate home
health spare down
planned home
fenced spare stopped
expect prepare home
expect no activate home

# One that had failed to start is left, and stopped for certain.
prepared s2
activated home denied
expect plan
file-without home
restart
expect blocked target_gone
target home
restart
expect plan
planned cloud
expect fence home

# The same under a pause: nobody is started before its end.
fenced home stopped
prepared s3
activated cloud denied
file-without cloud
restart
expect blocked target_gone
person pause for=1h
target cloud
restart
expect blocked paused
expect no activate cloud
person resume
expect plan
planned nobody
expect blocked no_standby
person pause for=1h
expect blocked paused
person resume
expect plan
planned nobody
person pause for=1h
wait 61m
expect plan
planned nobody
person promote cloud
expect answer ok
expect tell failover.started
