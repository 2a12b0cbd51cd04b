# The wait for a lease is forced past by a person. When its time comes it says nothing of the move that is under way by then, whose
# site nobody has stopped. Found by the simulator.
target home lease
target spare
failback manual
runs-at home
renews home epoch=1
person promote spare
expect fence home
fenced home no-answer
wait 5s
person promote spare --force
expect activate spare
activated spare ok
health spare up
expect active spare
wait 10s
health spare down
planned home
expect fence spare
fenced spare no-answer
# Here the wait of the first move would have ended.
wait 6s
expect phase fence
expect no activate home
fenced spare stopped
expect activate home
