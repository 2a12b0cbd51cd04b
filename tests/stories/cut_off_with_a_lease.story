# hashicorp/nomad #2185, #11943: the replaced task keeps running on the client that was cut off. pg_auto_failover #1113: and nobody
# may wait for a dead node for ever. With a lease the wait has an end, and what is cut off has stopped by then.
target home lease
target spare lease
failback manual
runs-at home
renews home epoch=1
health home down
planned spare
expect fence home
fenced home no-answer
wait 10s
expect phase fence
expect no activate spare
# The wait is 20 s by default, counted from the revocation.
wait 11s
expect activate spare
expect epoch 2
activated spare ok
renews spare epoch=2
expect lease granted
health spare up
expect active spare
# It comes back, and is told that its epoch is over.
renews home epoch=1
expect lease stale
observed home active epoch=1
expect fence home
expect active spare
