# A candidate said that it did not start, and nobody else can be tried. Should its agent start it after all, it gets no lease: the next
# grant would not wait for its end.
target home
target spare lease
runs-at home
health home down
planned spare
fenced home stopped
activated spare denied
expect plan
renews spare epoch=2 by=a
expect lease revoked
planned nobody
wait 2s
planned spare
activated spare ok
renews spare epoch=3 by=a
expect lease granted

# Nor does it go on from its ended epoch when the file did not name it for a while: what runs is found out.
health spare up
expect active spare
health spare down
planned home
expect fence spare
file-without home
reload
target home
reload
expect phase starting
observed spare active epoch=3
observed home stopped
expect active spare
expect epoch 4
renews spare epoch=4 by=a
expect lease granted
