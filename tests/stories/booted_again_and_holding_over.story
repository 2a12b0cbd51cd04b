# store_outage = "hold", and the host is booted again: the agent has another name for another boot, and waiting proves nothing. It is the
# same disk, so after W it goes on; a container with another id has to be confirmed stopped, or a person says --force.
target home lease
target spare
runs-at home
renews home epoch=1 holds-over by=disk1-boot1
expect lease granted
renews home epoch=1 holds-over by=disk2-boot1
expect lease undecided
wait 10m
renews home epoch=1 holds-over by=disk2-boot1
expect lease undecided
renews home epoch=1 holds-over by=disk1-boot2
expect lease granted
