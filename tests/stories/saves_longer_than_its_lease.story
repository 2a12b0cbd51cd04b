# A planned move is made with the last state: its agent may save for longer than a lease lasts. (Found by reading; its late save was refused, and the move
# went on with the snapshot before it.)
target home lease
target spare
state
runs-at home
renews home epoch=1
person promote spare
expect fence home
wait 25s
expect phase failback
expect no prepare spare
fenced home stopped
expect prepare spare
prepared s1
expect activate spare
activated spare ok
health spare up
expect active spare
# One that cannot be stopped is another matter.
renews home epoch=1
expect lease stale
