# hapostgres/pg_auto_failover #1113: waiting for ever for what does not come. The store is gone; a person accepts the loss, and the next
# site starts with what it has, once the state could not be brought three times since the old one ended.
target home
target spare
state max_age=30m
runs-at home
health home down
planned spare
fenced home no-answer
wait 5m
fenced home no-answer
wait 5m
fenced home stopped
prepared failed
expect no activate spare
person promote spare --accept-loss
wait 10m
prepared failed
expect no activate spare
wait 10m
prepared failed
expect activate spare
