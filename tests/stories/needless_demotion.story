# zalando/patroni #1593, #3403, #3572: a needless demotion while the store is down. What cannot be told is no failure, however often.
target home paths
target spare paths
state
runs-at home
health home unknown
expect phase active
expect no plan
wait 20s
health home unknown
expect no plan
wait 20s
health home unknown
expect no plan
# A check that failed before says nothing of those that can tell nothing.
health home failing
expect phase suspect
health home unknown
expect phase active
expect no plan
wait 2h
expect phase active
expect active home
expect epoch 1
# Asked to move while the store does not take what home has: home goes on, and nobody is without a service for want of a store.
person promote spare
fenced home stopped
expect save home
saved failed
expect no activate spare
expect activate home
activated home ok
health home up
expect active home
expect phase active
