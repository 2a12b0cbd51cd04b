# zalando/patroni #1804: two members with one name become two primaries. Cloud Run starts a container's replacement before the old
# one has ended, and both were told the same epoch: the second is granted nothing until the lease of the first has run out, by the
# wait W of the orchestrator's clock, which a restart of it begins anew.
target home lease
target spare
runs-at home
renews home epoch=1 by=a
expect lease granted
wait 5s
renews home epoch=1 by=b
expect lease undecided
renews home epoch=1 by=a
expect lease granted
wait 19s
renews home epoch=1 by=b
expect lease undecided
restart
wait 19s
renews home epoch=1 by=b
expect lease undecided
wait 1s
renews home epoch=1 by=b
expect lease granted
renews home epoch=1 by=a
expect lease undecided
# Nor is a newer epoch anybody's while that lease may last: whoever came to stand there has not the word of the other's end.
renews home epoch=1 by=b
expect lease granted
observed home active epoch=1
store-has epoch=7
expect epoch 8
renews home epoch=8 by=c
expect lease undecided
health home down
planned spare
fenced home stopped by=c
expect no activate spare
wait 20s
expect activate spare
