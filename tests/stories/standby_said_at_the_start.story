# Nothing runs at a first start with a lost journal, and a person names a standby. It has no copy of its own: it starts from what was saved.
target home
target spare paths
target cloud
state max_age=30m
fresh
observed home stopped
observed spare stopped
observed cloud silent
wait 10m
expect blocked unseen
person promote spare --force
expect no activate spare
expect prepare spare
prepared s4 age=1m
expect activate spare
