# A button approves one named plan, not whatever is best now.
target home
target spare
runs-at home
person promote spare index=999
expect answer stale_plan
expect phase active
