# The state is brought beside the stop. When the old site has ended, the store is asked to refuse older epochs, and then what is the
# newest: what came in between is not left behind.
target home paths
target spare
state max_age=30m no-save
runs-at home
health home down
planned spare
expect prepare spare
expect no prepare spare seal=2
prepared s1 age=1m
fenced home stopped
expect no activate spare
expect prepare spare seal=2 have=s1
prepared s2
expect activate spare
