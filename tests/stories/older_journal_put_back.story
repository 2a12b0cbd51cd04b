# Somebody put an older journal back: it names home, and another site runs. What the store has is noticed, and nothing is started for it.
target home lease
target spare
runs-at home
restart
store-has epoch=5
expect no activate home
expect epoch 1
observed home stopped
observed spare active epoch=5
expect no activate home
expect epoch 1
# Where home is seen to run, alone, its next epoch is above what the store has.
observed spare stopped
observed home active epoch=1
expect activate home
expect epoch 6
