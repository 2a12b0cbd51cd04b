# The old site cannot be stopped, but it serves again: it keeps the service, under an epoch of its own.
target home
target spare
runs-at home
health home down
planned spare
fenced home no-answer
health home up
expect phase active
expect active home
expect epoch 2
expect no activate spare
