# The first of the plan can never be started, and everybody is tried again: the others have their turn before it has another.
target home
target spare
target cloud
limits breaker=9
runs-at home
health home down
planned spare cloud
fenced home stopped
activated spare denied
expect plan
planned cloud
activated cloud denied
planned nobody
wait 2s
expect desperate-plan
planned spare cloud home   # a hiccup, perhaps: each of the others has a second try
expect activate spare
activated spare denied
planned cloud home
expect activate cloud
activated cloud denied
planned nobody
expect no desperate-plan
wait 3s
expect desperate-plan
planned spare cloud home   # home sorts last: it is where it failed
expect activate home
activated home denied
expect plan
planned spare cloud home   # all were tried: a new round
expect activate spare
activated spare denied
planned cloud home
expect activate cloud
activated cloud denied
# A person need not wait for the next round.
planned nobody
expect blocked no_standby
person promote home
expect answer ok
expect activate home
expect unblocked
activated home ok
health home up
expect active home
