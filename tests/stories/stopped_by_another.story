# The stop is confirmed by a container that has just taken the place of the one that holds the lease. That one may still run: its lease
# is waited for.
target home lease
target spare
runs-at home
renews home epoch=1 by=a
health home down
planned spare
expect fence home
fenced home stopped by=b
expect phase fence
expect no activate spare
wait 20s
expect activate spare
