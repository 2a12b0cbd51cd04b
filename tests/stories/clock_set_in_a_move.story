# Somebody sets the clock back in the middle of a failover: no duration and no wait is made of it.
target home
target spare
limits max_failovers=2 window=1h
failback manual
runs-at home
health home down
planned spare
fenced home stopped
clock back 2h
activated spare ok
health spare degraded
wait 29s
expect phase verify
wait 1s
expect active spare
expect took 30s
expect timed spare 30s
observed home stopped
health spare down
planned home
fenced spare stopped
activated home ok
health home up
expect active home
expect outage home 30s
health home down
expect blocked too_many_failovers
wait 61m                 # not two hours more
expect plan
