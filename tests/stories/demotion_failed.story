# huiskylabs/solana-validator-switch #12, #9, #10: promotes although the demotion failed, or dies midway with nobody active.
target home paths
target spare paths
state
runs-at home
person promote spare
expect answer ok
expect phase failback
expect fence home
fenced home no-answer
expect no activate spare
restart
expect fence home
expect no activate spare
fenced home stopped
saved s1
prepared s1
expect activate spare
restart
expect observe spare
expect no fence spare
observed spare active epoch=2
expect phase verify
health spare up
expect active spare
