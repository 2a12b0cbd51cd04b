# The old site has ended, and the state cannot be brought: attempts go on, and people are told. When the store answers again and has
# nothing, a start from nothing is a person's to accept.
target home paths
target spare paths
state no-save
runs-at home
health home down
planned spare
prepared s1 age=1m
fenced home stopped
prepared failed
wait 3m
expect blocked state
expect phase fence
expect no activate spare
expect prepare spare
prepared nothing
expect tell blocked resolved
expect phase hold
expect blocked no_snapshot
expect no activate spare
person promote spare --accept-loss
expect answer ok
expect activate spare
