# All that a site can show is a live process. Its start gets its time, and no more.
target home
target spare
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare degraded
wait 20s
expect phase verify
wait 10s
expect active spare
