# Nobody wants to watch a failback on a Friday evening: the way home waits until the freeze is over, and then goes by itself.
target home
target spare
failback stable_for=10m freeze=6260-6300
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
wait 15m
observed home stopped
wait 11m
expect active spare
expect phase active
expect no fence spare
wait 20m
expect phase active
wait 15m
expect phase failback
