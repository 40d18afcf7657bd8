#!/bin/bash
# Init of a node: buries orphans, as bash does, and keeps the cluster's daemons running, as systemd's units do (Restart=on-failure).
export PCMK_logfacility=none PCMK_logfile=/var/log/pacemaker/pacemaker.log

log() { echo "$(date +%T.%N) init: $*"; }

corosync_forever() {
  while :; do
    corosync -f
    log "corosync ended with $?"
    sleep 1
  done
}

until_corosync_answers() {
  until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
}

# 0: it was stopped in order; 100: it must not be started again (fencing). Else it starts once more, if its $2 succeeds.
restart_on_failure() { # PROGRAM BEFORE
  local status
  while :; do
    "$2"
    status=0
    "$1" || status=$?
    log "$1 ended with $status"
    case $status in 0 | 100) return ;; esac
    sleep 1
  done
}

case $1 in
  cluster)
    corosync_forever &
    restart_on_failure pacemakerd until_corosync_answers &
    ;;
  remote) restart_on_failure pacemaker-remoted true & ;;
esac
while :; do
  sleep infinity &
  wait $!
done
