# zalando/patroni #1804: two primaries. Found at a first start, a person says which one has the true state.
target home
target spare
fresh
observed home active
observed spare active
expect phase hold
expect blocked two_active
person promote spare --force
expect active spare
expect observe home
observed home active
expect fence home
