# While the state is being brought to one standby, a person names another. What was brought to the first says nothing of the second.
target home
target spare
target cloud
state max_age=30m
runs-at home
health home down
planned spare
fenced home stopped
expect prepare spare
person promote cloud --force
expect prepare cloud
prepared s1 age=1m
expect activate cloud
