# What a plan expects of an outage is learnt from how long the failed target was away, not from how soon another one served;
# and a planned move is no outage of anybody.
target home
target spare
failback stable_for=10m
runs-at home
health home down
planned spare
wait 2s
fenced home stopped
wait 3s
activated spare ok
wait 4s
health spare up
expect active spare
expect took 9s
expect timed spare 7s
expect outage home none
wait 51s
observed home silent
restart                  # what failed is stored
observed home silent
expect outage home none
wait 4m
observed home stopped
expect outage home none  # its provider answers, no more
wait 11m
expect phase failback
fenced spare stopped
activated home denied    # it was not well
expect tell activation.failed
activated spare ok
health spare up
expect active spare
wait 1m
observed home stopped
wait 21m                 # the second try waits twice as long
expect phase failback
fenced spare stopped
activated home ok
health home up
expect active home
expect outage home 17m
observed spare stopped
expect outage spare none
health home down         # and one that ends by itself, before anything was done
wait 5s
health home up
expect phase active
expect outage home 5s
health home down         # nor has it ended with us
planned nobody
wait 1m
restart
expect outage home 5s
health home up
expect outage home 1m
