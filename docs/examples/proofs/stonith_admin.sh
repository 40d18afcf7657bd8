#!/bin/sh
# A proof of death by the STONITH of this node's Pacemaker cluster, for hosts that are nodes or remote nodes of it.
#
#     [proof stonith]
#     kind = fencing
#     acts = true
#     command = /usr/share/doc/recovery-agent/examples/proofs/stonith_admin.sh {{host_name}}
#     timeout = 180
#
# A host that was fenced within the last 60 s is not fenced again (--tolerance).
set -eu

if [ $# -ne 1 ]; then
  echo "usage: stonith_admin.sh HOST" >&2
  exit 64
fi
cat > /dev/null

if words=$(stonith_admin --fence "$1" --tolerance 60s --timeout 150 2>&1); then
  echo '{"outputs": {"state": "dead", "detail": "Pacemaker fenced it"}}'
else
  echo "$words" >&2
  echo '{"outputs": {"state": "unknown", "detail": "Pacemaker could not fence it, see the log"}}'
fi
