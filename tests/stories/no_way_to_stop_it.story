# A target that offers neither a stop nor a lease: whether it still runs is a person's to say.
target home
target spare
runs-at home
health home down
planned spare
fenced home impossible
expect phase hold
expect blocked unfenceable
expect no activate spare
wait 2h
expect no activate spare
expect tell blocked
person promote spare --force
expect answer ok
expect activate spare
