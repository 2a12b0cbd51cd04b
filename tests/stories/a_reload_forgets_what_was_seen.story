# A check was wrong, the service was paused and the file mended. What the wrong check said is nothing to act on when the pause ends.
target home
target spare
failback stable_for=10m
runs-at home
person pause for=1h
health home down
reload
person resume
expect phase active
expect no plan
health home up
expect phase active
expect tell service.down resolved
