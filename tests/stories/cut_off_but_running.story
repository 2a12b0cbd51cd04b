# hashicorp/nomad #2185, keepalived #2370: the address on both nodes. No activation while the old site may run.
target home
target spare
runs-at home
health home down
planned spare
fenced home no-answer
wait 20s
expect no activate spare
fenced home no-answer
wait 1m
expect no activate spare
expect active home
