# A standby answers that something runs there already, of another epoch: started by hand, or left from a start that was taken for failed.
# It is stopped before the next is tried, or tried itself again.
target home
target spare
target other
runs-at home
health home down
planned spare
fenced home stopped
activated spare conflict
expect plan
planned other
expect fence spare
expect no activate other
fenced spare stopped
expect activate other
activated other ok
health other up
expect active other
