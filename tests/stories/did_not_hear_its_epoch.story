# What runs at a first start gets an epoch of our own, and its agent is told; that gets lost. It is told again, before its renewals of the
# old epoch could end it.
target home lease
target spare
fresh
observed home active epoch=4
observed spare stopped
expect activate home
expect epoch 5
# The agent asks for what it has: that is not refused, or it would end what runs, and it is told again.
renews home epoch=4
expect lease undecided
expect activate home
activated home unknown
wait 5s
expect observe home
observed home active epoch=4
expect activate home
activated home ok
renews home epoch=5
expect lease granted
observed home active epoch=5
expect no activate home
