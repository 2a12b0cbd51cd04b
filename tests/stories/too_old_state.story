# No silent old state: a snapshot older than max_age needs a person's consent.
target home paths
target spare paths
state max_age=30m no-save
runs-at home
health home down
planned spare
prepared s1 age=2h
fenced home stopped
prepared s1 age=2h
expect phase hold
expect blocked state_too_old
expect no activate spare
person promote spare --accept-loss
expect activate spare
expect epoch 2
