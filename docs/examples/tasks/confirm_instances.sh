#!/bin/sh
# A task that confirms that nothing was left behind: no instance may have ended on the host that failed.
#
#     [confirm_instances]
#     driver = executable
#     command = /usr/share/doc/recovery-agent/examples/tasks/confirm_instances.sh {{ host_name }} {{ recovered_instances.new_host }}
#     after_crash = idempotent
#
# Its second argument is the list of new hosts, separated by commas. For further checks query your monitoring here.
set -eu
cat > /dev/null
failed=$1
hosts=$2

IFS=', '
count=0
for host in $hosts; do
  if [ "$host" = "$failed" ]; then
    echo "an instance is on $failed still" >&2
    exit 1
  fi
  count=$((count + 1))
done
echo "{\"progress\": 1, \"message\": \"$count instances are elsewhere\"}"
