# openark/orchestrator #697: a recovery that stays switched off, and nobody notices. A pause that was given in the middle of a move has
# its end, although the orchestrator was started again in between.
target home
target spare
failback manual
runs-at home
health home down
planned spare
fenced home stopped
expect activate spare
person pause for=1h
restart
observed spare active epoch=2
health spare up
expect phase paused
wait 61m
expect phase active
health spare down
expect plan
