# An agent that goes on without its lease (store_outage = "hold") may still run: its wait proves nothing, so a person must decide.
target home lease
target spare lease
limits max_failovers=5
runs-at home
renews home epoch=1 holds-over
health home down
planned spare
fenced home no-answer
wait 10m
expect phase hold
expect blocked fence
expect no activate spare
person promote spare --force
expect activate spare
