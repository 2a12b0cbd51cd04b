# solana-labs/solana #24041: the returning primary takes the lock before it has caught up. Home starts only with the newest state.
target home paths
target spare paths
state
failback manual
runs-at home
health home down
planned spare
prepared s1
fenced home stopped
saved s2
prepared s2
activated spare ok
health spare up
person failback
fenced spare stopped
expect no activate home
saved failed
# its last state cannot be saved: the standby, which has it, goes on
expect activate spare
expect epoch 3
activated spare ok
health spare up
expect active spare
