# The file does not name the target any more that runs the service: nobody else is started beside what may run there. People are told,
# and told again, until the file names it again or a person says who is to run.
target home
target spare
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
expect active spare
file-without spare
restart
expect phase hold
expect blocked target_gone
expect no activate home
wait 2h
expect tell blocked
expect no activate home
# It is looked at again, and is not there.
person resume
expect answer ok
expect blocked target_gone
# It is named again: it ran all the time.
target spare
restart
expect tell blocked resolved
expect unblocked
expect active spare
expect phase active
# Once more, and now a person decides.
file-without spare
restart
expect blocked target_gone
observed home stopped
person promote home --force
expect answer ok
expect tell blocked resolved
expect activate home
activated home ok
health home up
expect active home
expect epoch 3
expect unblocked
