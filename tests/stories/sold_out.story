# skypilot #831, karpenter-provider-azure #1733: the cheapest is what is sold out. The next one is tried at once, with a new epoch.
target home
target cheap
target dear
runs-at home
health home down
planned cheap dear
fenced home stopped
expect epoch 2
activated cheap sold-out
expect no fence cheap
planned dear
expect activate dear
expect epoch 3
