# Two ran at a first start; one of them was stopped by hand. `resume` looks again, and takes the other.
target home
target spare
fresh
observed home active
observed spare active
expect blocked two_active
person resume
expect phase starting
expect observe spare
observed home active
observed spare stopped
expect active home
expect phase active
