# A switchover: the old site stops, and its agent cannot save what it did last. Nobody agreed to lose that: it goes on where it was.
target home
target spare
state max_age=30m
runs-at home
person promote spare
expect fence home
fenced home stopped unsaved
expect no prepare spare
expect tell switchover.failed
expect activate home
