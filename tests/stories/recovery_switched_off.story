# openark/orchestrator #697: recovery is switched off globally, and nobody notices. A pause is told, and it ends.
target home
target spare
runs-at home
person pause for=1h
expect phase paused
expect tell paused
health home down
expect tell service.down
expect no plan
wait 61m
expect tell paused resolved
expect plan
