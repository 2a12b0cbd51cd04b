# The journal grants an epoch once; a grant of the same one again was refused by it, and tried again for ever. A move's target leaves
# the file after home was written off, and the service is then only watched: home is taken in place with the epoch that it has.
target home
target spare
runs-at home
health home down
planned spare
expect fence home
file-without spare
restart
expect blocked target_gone
mode observe
restart
expect unblocked
expect active home
expect epoch 1
mode act
restart
expect active home
