# A store has refused what a returning site pushed. People know that it lies there, until it does not.
target home
target spare
failback manual
runs-at home
health home down
planned spare
fenced home stopped
activated spare ok
health spare up
observed home stopped unsaved
expect tell state.unsaved
observed home stopped unsaved
expect no tell state.unsaved
restart
observed home stopped unsaved
expect no tell state.unsaved
observed home silent
expect no tell state.unsaved resolved
observed home stopped
expect tell state.unsaved resolved
