# The journal is lost while a standby runs the service, and the standby does not answer when the orchestrator starts anew. Nothing is seen
# to run; but home is not started beside what may run there. It is told, and decided as soon as the standby answers.
target home
target spare
fresh
observed home stopped
observed spare silent
wait 10m
expect phase hold
expect blocked unseen
expect no activate home
observed spare active
observed home stopped
observed spare active
expect active spare
expect unblocked
