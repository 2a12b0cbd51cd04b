# A person was asked which of two has the true state: a start of the orchestrator does not answer that.
target home
target spare
target cloud
runs-at home
file-without home
restart
expect blocked target_gone
target home
person resume
observed home active epoch=1
observed spare active epoch=1
observed cloud stopped
expect blocked two_active
restart
expect phase starting
observed home active epoch=1
observed spare active epoch=1
observed cloud stopped
expect blocked two_active
expect no fence spare
