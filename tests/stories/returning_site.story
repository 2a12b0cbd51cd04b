# zalando/patroni #3314: a returning zone demotes the healthy new leader. hashicorp/nomad #2185, #11943: the replaced task
# keeps running on the client that was cut off. The one that returns is stopped; the active one stays.
target home
target spare
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
observed home active
expect fence home
expect tell second.site
expect active spare
expect phase active
fenced home stopped
expect tell second.site resolved
