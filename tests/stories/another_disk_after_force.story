# An agent that goes on when it cannot renew (store_outage = "hold"): only a person's word ends what nobody reaches. After that word, and the
# way home, who stands there with another disk is a new holder, and not for ever somebody else's successor.
target home lease
target spare
failback stable_for=10m
runs-at home
renews home epoch=1 holds-over by=disk1-a
health home down
planned spare
fenced home no-answer
fenced home no-answer
person promote spare --force
expect activate spare
activated spare ok
health spare up
observed home stopped
wait 11m
expect phase failback
fenced spare stopped
expect activate home
renews home epoch=3 holds-over by=disk2-a
expect lease granted
activated home ok
health home up
expect active home
