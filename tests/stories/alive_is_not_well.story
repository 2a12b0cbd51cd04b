# A live process is weak evidence: it keeps a site active, and does not qualify a candidate. That has until its time is up to become well;
# then degraded is better than nobody.
target home
target spare
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare degraded
expect phase verify
health spare up
expect active spare
health spare down
planned home
fenced spare stopped
activated home ok
health home degraded
expect phase verify
wait 10m
expect active home
