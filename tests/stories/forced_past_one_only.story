# --force is said of the site that nobody reaches. A candidate that fails later in the same move is stopped like any other.
target home
target spare
target other
runs-at home
health home down
planned spare
fenced home no-answer
fenced home no-answer
person promote spare --force
expect activate spare
activated spare unknown
observed spare active
health spare down
expect plan
planned other
expect fence spare
fenced spare no-answer
expect no activate other
wait 10s
fenced spare stopped
expect activate other
