# Two do not answer at a first start. One is seen to run then: it is taken, whatever the other does; and nobody is started beside it.
target home
target spare
target cloud
fresh
observed home stopped
observed spare silent
observed cloud silent
wait 10m
expect blocked unseen
observed spare active
expect phase starting
observed home stopped
observed spare active
wait 10m
expect active spare
expect no activate home
