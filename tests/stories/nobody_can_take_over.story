# A person asks for the best standby, and there is none: a site that serves is neither stopped for that nor started again.
target home
target spare
runs-at home
health home up
person promote best
expect plan
expect answer ok
planned nobody
expect no fence home
expect tell switchover.failed
expect phase active
expect active home
expect epoch 1
wait 10m
expect phase active
# What is down is another matter.
health home down
planned nobody
expect blocked no_standby
expect observe spare
wait 2s
expect desperate-plan
