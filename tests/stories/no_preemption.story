# keepalived #1515: "nopreempt" is set, and the former master takes over all the same when it comes back. With failback = "manual" home
# that is well again, for days and across a restart, is not gone home to until a person says so.
target home
target spare
failback manual
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
observed home stopped
wait 48h
expect no fence spare
expect active spare
restart
observed home stopped
observed spare active
wait 48h
expect no fence spare
expect active spare
expect phase active
person failback
expect answer ok
expect fence spare
