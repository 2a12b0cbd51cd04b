# zalando/patroni #1593, #3403, #3572: a needless demotion while the store is down. What cannot be told is no failure.
target home paths
target spare paths
state
runs-at home
health home unknown
expect phase active
expect no plan
wait 2h
expect phase active
