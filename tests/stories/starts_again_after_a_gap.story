# We were away for longer than a lease: the agent has ended what it ran, and starts it when it is granted again. That is no failure.
target home lease
target spare
runs-at home
renews home epoch=1 by=a
wait 3s
renews home epoch=1 by=a
expect no watch home starting
wait 30s
renews home epoch=1 by=a
expect lease granted
expect watch home starting
wait 20s                 # and once only, while it is not seen well
renews home epoch=1 by=a
expect no watch home starting
health home up
wait 20s
renews home epoch=1 by=a
expect watch home starting
# The same after an epoch that is told to what runs.
store-has epoch=7
expect watch home starting
health home failing
expect phase suspect
renews home epoch=1 by=a
expect lease undecided
# Ended for a while under a pause, and started again just before the pause's end: what was seen before its start says nothing.
renews home epoch=8 by=a
health home up
person pause for=1h
health home down
wait 2m
renews home epoch=8 by=a
expect watch home starting
person resume
expect phase active
health home down
expect phase plan
