# While the disk was full the news that home serves again was replaced by a newer one: it serves, and one check has failed since
# (found by the simulator, seed 7106710). One failed check moves nothing.
target home
target spare
runs-at home
health home down
planned common-mode
expect blocked common_mode
health home failing
expect phase suspect
expect unblocked
expect tell service.down resolved
expect no plan
wait 10m
expect phase active
health home failing
expect phase suspect
health home down
expect phase plan
expect plan

# A person asked for a move of a site that serves: that it does is no reason to call it off.
planned nobody
health home up
expect phase active
health home failing
person promote best
expect answer ok
health home up
expect phase plan
planned spare
expect fence home
