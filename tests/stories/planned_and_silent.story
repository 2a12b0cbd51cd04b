# A move that was asked for tells nobody that a service "serves again" which nobody was told to be down.
target home
target spare
failback manual
runs-at home
person promote spare
fenced home stopped
activated spare ok
health spare up
expect active spare
expect tell switchover.done
expect no tell service.down
# After a start it is not known to serve: asked to move, it moves as from a site that is down.
health spare down
planned nobody
restart
person promote home
expect tell failover.started
expect fence spare
