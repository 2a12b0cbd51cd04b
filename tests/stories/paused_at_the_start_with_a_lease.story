# A pause is given before it is known what runs, and home has an agent. To be told its first epoch would start its workload again: that
# waits for the end of the pause, whether home answers or not.
target home lease
target spare
fresh
person pause for=1h
observed home active
observed spare stopped
expect phase hold
expect blocked paused
expect no activate home
restart
wait 10m
expect blocked paused
expect no activate home
person resume
observed home active
observed spare stopped
expect activate home
expect active home
