# A pause is given before it is known what runs. Nothing is started, that is told, and the end of the pause starts it, also when the
# orchestrator was started again meanwhile. Found by the simulator.
target home
target spare
fresh
person pause for=1h
observed home stopped
observed spare stopped
expect phase hold
expect blocked paused
expect no activate home
wait 20m
restart
observed home stopped
observed spare stopped
expect blocked paused
expect no activate home
wait 2401s
expect phase starting
observed home stopped
expect no activate home
observed spare stopped
expect activate home
