# redis #5677, #1796, #5784: a failover that aborts and repeats endlessly. Each candidate once, then patience, and people know.
target home
target spare
target cloud
runs-at home
health home down
planned spare cloud
fenced home stopped
activated spare denied
expect plan
expect tell activation.failed
planned cloud
expect activate cloud
activated cloud sold-out
planned nobody
expect blocked no_standby
wait 2s
expect desperate-plan
planned home
expect activate home
activated home ok
health home up
expect active home
expect unblocked
