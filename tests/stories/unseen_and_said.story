# As unseen_at_the_start, and a person knows that nothing runs there.
target home
target spare
fresh
observed home stopped
observed spare silent
wait 10m
expect blocked unseen
person promote home --force
expect activate home
expect unblocked
