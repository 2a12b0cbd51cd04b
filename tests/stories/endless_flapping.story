# keepalived #2087, openark/orchestrator #1296, #410, #876: flapping is bounded, and the bound ends by itself.
target home
target spare
limits max_failovers=2 window=1h
failback manual
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
health spare down
planned home
fenced spare stopped
activated home ok
health home up
health home down
expect phase hold
expect blocked too_many_failovers
expect no plan
# A crash neither loses the count nor makes it stay for ever: the window goes on where it was.
wait 30m
expect phase hold
restart
health home down
expect phase hold
expect blocked too_many_failovers
expect no plan
wait 29m
expect phase hold
expect no plan
wait 2m
expect plan
expect unblocked
expect phase plan
