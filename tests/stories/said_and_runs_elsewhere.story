# Two run at a first start, and a person names a third, which does not. That would make three.
target home
target spare
target cloud
fresh
observed home active
observed spare active
observed cloud stopped
expect blocked two_active
person promote cloud --force
expect answer runs_elsewhere
expect no activate cloud
person promote spare --force
expect active spare
