# The active target has another name in the file that was read: what is seen under the new name is perhaps the same site, and is not stopped.
target home
target spare
runs-at home
target house
file-without home
reload
expect blocked target_gone
observed house active epoch=1
expect no fence house
observed spare stopped
expect no fence spare
