# A pause is given before it is known what runs. Nothing is started, that is told, and the end of the pause starts it. Found by the simulator.
target home
target spare
fresh
person pause for=1h
observed home stopped
observed spare stopped
expect phase hold
expect blocked paused
expect no activate home
person resume
expect phase starting
expect observe home
observed home stopped
expect no activate home
observed spare stopped
expect activate home
