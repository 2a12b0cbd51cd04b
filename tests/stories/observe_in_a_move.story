# "recovery switched off globally, nobody notices" (openark/orchestrator #697), from its other side: a person wants hands off in
# the middle of a move, and starts again with mode = "observe". Nothing is touched, people are told, and it goes on later.
target home
target spare
target other
runs-at home
health home down
planned spare
expect fence home
mode observe
restart
expect no fence home
expect phase hold
expect blocked observe
expect tell blocked
observed home stopped
wait 3h
expect no fence home
expect no activate spare
person resume
expect answer observe
person pause
wait 2h
expect phase hold
mode act
restart
expect fence home
fenced home stopped
expect activate spare
mode observe
restart                  # after the grant: it is not asked again, either
observed spare stopped
wait 1h
expect no activate spare
expect blocked observe
mode act
restart
observed spare stopped
expect activate spare
activated spare ok
health spare up
expect active spare
