# hapostgres/pg_auto_failover #1113, #1060, #1014: stuck for ever waiting for a report from a dead node.
# The wait has an end that people see, attempts go on, and there is a guarded way out.
target home
target spare
runs-at home
health home down
planned spare
fenced home no-answer
expect no activate spare
wait 3m
expect phase hold
expect blocked fence
expect fence home
person promote spare --force
expect answer ok
expect activate spare
activated spare ok
health spare up
expect active spare
expect unblocked
