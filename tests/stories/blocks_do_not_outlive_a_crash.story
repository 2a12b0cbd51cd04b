# openark/orchestrator #1296: an anti-flap block left by a crashed leader prevents the next failover for ever.
target home
target spare
limits breaker=1
runs-at home
health home down
planned spare
fenced home stopped
activated spare sold-out
restart
expect plan
planned spare
expect activate spare
