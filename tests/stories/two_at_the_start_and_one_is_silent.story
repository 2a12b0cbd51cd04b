# Two ran at a first start; one of them was stopped by hand, and the other does not answer when one looks again. It may run still:
# it is taken, and nothing is started beside it. The end of a pause decides nothing of this.
target home
target spare
fresh
observed home active
observed spare active
expect blocked two_active
person pause for=1h
wait 2h
expect phase hold
expect blocked two_active
person resume
expect phase starting
observed home stopped
wait 10m
expect active spare
expect no activate home
