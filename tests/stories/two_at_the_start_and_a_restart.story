# Two ran at a first start, and the orchestrator was started again before a person had said which. One of the two does not answer any
# more: it may run still, and the other is not taken for the only one.
target home
target spare
fresh
observed home active
observed spare active
expect blocked two_active
restart
observed home active
observed spare silent
wait 10m
expect phase hold
expect blocked two_active
person resume
observed spare stopped
observed home active
expect active home
