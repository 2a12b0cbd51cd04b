# While the old site was being stopped it came back, and the stop had no answer: a host that boots again. Nobody says "up" a second
# time, and the next attempt would stop what serves.
target home
target spare
runs-at home
health home down
planned spare
expect fence home
health home up
expect phase fence       # the attempt under way may still end it
fenced home no-answer
expect phase fence
wait 1m
expect phase active
expect active home
expect epoch 2
expect no fence home
expect no activate spare

# One that nothing here can stop goes on at once: a person would be asked to start a second one.
health home down
planned spare
health home up
fenced home impossible
expect phase active
expect unblocked
expect epoch 3

# Started again meanwhile: it is watched on.
health home down
planned spare
fenced home no-answer
restart
expect watch home
expect fence home
health home up
fenced home no-answer
wait 1m
expect phase active
expect epoch 4

# A check that fails may be the first after the stop that had no answer.
health home down
planned spare
health home up
fenced home no-answer
health home failing
wait 1m
expect phase fence
expect fence home
