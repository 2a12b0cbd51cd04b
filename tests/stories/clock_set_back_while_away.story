# The clock was set back while the orchestrator was down: what cannot be known is no time, never a negative one.
target home
target spare
failback manual
runs-at home
health home down
planned spare
fenced home stopped
clock back 2h
restart
observed spare stopped
wait 5s
expect phase activate
activated spare ok
health spare up
expect active spare
expect took 0s
expect timed spare 5s     # asked for again by this process
# Neither is an outage.
wait 10m
observed home stopped
wait 1m
person failback
fenced spare stopped
activated home ok
health home up
expect active home
expect outage home 0s
