# repmgr #522: a dry run that really is dry.
mode observe
target home
target spare
runs-at home
health home down
planned spare
expect tell observe.would_promote
expect no fence home
expect blocked observe
person promote spare
expect answer observe
wait 1h
expect no fence home
health home up
expect phase active
