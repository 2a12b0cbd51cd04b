# karmada #2281: the old one is removed before the new one is available. A planned move that fails goes back.
target home
target spare
runs-at home
person promote spare
fenced home stopped
activated spare denied
expect activate home
expect epoch 3
activated home ok
health home up
expect active home
expect phase active
