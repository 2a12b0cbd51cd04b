# A start whose outcome nobody knows may be running: it is looked at, and stopped before anybody else is started.
target home
target spare
target cloud
runs-at home
health home down
planned spare cloud
fenced home stopped
activated spare unknown
expect observe spare
expect no activate spare
observed spare silent
wait 6m
expect plan
planned cloud
expect fence spare
expect no activate cloud
fenced spare stopped
expect activate cloud
