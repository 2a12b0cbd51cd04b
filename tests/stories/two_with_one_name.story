# zalando/patroni #1804: two members with one name become two primaries. #308: a member that is cut off from the others answers "you
# are the leader". Here one register answers, for one target and one epoch: whoever comes with another one is refused.
target home lease
target spare lease
runs-at home
renews home epoch=1
expect lease granted
# An agent of the spare that was set up as a copy of home's, with home's epoch.
renews spare epoch=1
expect lease stranger
# One that believes in an epoch of its own.
renews home epoch=7
expect lease stale
# A planned move: from the revocation on, home is refused, though it still runs and though nobody else has it yet.
person promote spare
expect fence home
renews home epoch=1
expect lease revoked
renews spare epoch=2
expect lease stale
fenced home stopped
expect activate spare
renews spare epoch=2
expect lease granted
# The answer that home waited for comes back to life with home: it is not asked for any more.
renews home epoch=1
expect lease stale
