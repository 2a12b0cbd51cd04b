# Envoy's panic threshold: the active site and every candidate fail together. That looks like our own network.
target home
target spare
runs-at home
health home down
planned common-mode
expect blocked common_mode
expect no fence home
expect observe spare
health home up
expect phase active
expect unblocked
