# A candidate is given up, and turns healthy before another is found: it stays. What it wrote meanwhile is the newest, and comes home with
# the failback; home does not start with what it had before the outage.
target home paths
target spare paths
state max_age=30m no-save
failback manual
runs-at home
health home down
planned spare
fenced home no-answer
person promote spare --force
prepared s1 age=1m
prepared s1 age=1m
expect activate spare
activated spare ok
wait 10m
expect plan
health spare up
expect active spare
observed home stopped
person failback
expect fence spare
fenced spare stopped
expect save spare
saved s2
expect prepare home
prepared s2
expect activate home
