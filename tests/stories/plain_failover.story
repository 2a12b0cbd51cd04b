# The main job: the primary dies, the standby takes over with the newest state, home comes back and gets the service again.
target home paths
target spare paths
state max_age=30m
failback stable_for=10m
runs-at home
expect phase active
expect epoch 1
health home failing
expect phase suspect
health home down
expect plan
planned spare
expect phase fence
expect fence home
expect prepare spare
expect no activate spare
prepared s1 age=2m
expect no activate spare
fenced home stopped
expect save home
saved s2
expect prepare spare
prepared s2
expect activate spare
expect epoch 2
activated spare ok
expect phase verify
health spare up
expect phase active
expect active spare
expect tell failover.done
expect tell service.down resolved
observed home stopped
wait 11m
expect phase failback
expect fence spare
expect no activate home
fenced spare stopped
expect save spare
saved s3
expect prepare home
prepared s3
expect activate home
activated home ok
health home up
expect active home
expect epoch 3
expect phase active
