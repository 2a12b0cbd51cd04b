# The journal is lost, and the store has snapshots of epoch 7. What runs is taken with an epoch above that, whether the store answers
# before it is known what runs or after: else it would refuse whatever is saved from now on.
target home
target spare
state max_age=30m
fresh
store-has epoch=7
observed spare stopped
observed home active
expect active home
expect epoch 8
store-has epoch=9
expect epoch 10
store-has epoch=9
expect epoch 10
