# A start whose outcome is never known was repeated five times. The plan that follows is the first of its phase, and no desperate one:
# who has just failed is not tried again before the others.
target home
target spare
target cloud
runs-at home
health home down
planned spare cloud
fenced home stopped
activated spare unknown
observed spare stopped
expect activate spare
activated spare unknown
observed spare stopped
activated spare unknown
observed spare stopped
activated spare unknown
observed spare stopped
activated spare unknown
observed spare stopped
expect activate spare
activated spare unknown
observed spare stopped
expect tell activation.failed
expect plan
expect no desperate-plan
planned nobody
wait 2s
expect desperate-plan
