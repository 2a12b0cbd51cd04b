# hapostgres/pg_auto_failover #1025: a primary that stopped by itself waits for a goal that nobody can reach.
# Once the old site is confirmed stopped, the hold ends by itself.
target home
target spare
runs-at home
health home down
planned spare
fenced home no-answer
wait 3m
expect phase hold
fenced home stopped
expect unblocked
expect activate spare
