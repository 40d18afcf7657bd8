# When nothing is to stay, except journals, reports that were not delivered, and what a running process uses.
if engines=$(processes engine) && started=$(processes monitor) && [ -z "$engines$started" ]; then
  if has_own_run; then rm -rf "$root/run/recovery-agent"; fi
  rm -rf "$root/var/log/recovery-agent"
else
  warn "engine or monitors run (process" $engines $started"): /run/recovery-agent and /var/log/recovery-agent are kept"
fi

# leave_empty FOLDER: removes it when nothing is in it. A mount point stays.
leave_empty() {
  [ -d "$1" ] || return 0
  rmdir --ignore-fail-on-non-empty "$1" || warn "$1 is kept: it cannot be removed"
}

count=$(undelivered $outbox)
if [ "$count" -gt 0 ]; then
  warn "$outbox: $count reports were not delivered and are kept; delete the folder when they are not required"
elif [ -d "$root$outbox" ] && ! [ -L "$root$outbox" ]; then
  rm -f "$root$outbox"/sender.* "$root$outbox/.recovery-agent-outbox"
  leave_empty "$root$outbox/set-aside"
  leave_empty "$root$outbox"
fi
# What the removal noted: dpkg has deleted the configuration by now.
if [ -f "$elsewhere" ]; then
  while IFS= read -r folder; do
    count=$(undelivered "$folder")
    warn "the outbox $folder is not deleted ($count reports were not delivered)"
  done <"$elsewhere"
  rm -f "$elsewhere"
fi

state=$root/var/lib/recovery-agent
rm -f "$state"/*-monitor.json "$state"/*-monitor.json.new "$state/instances.json" "$state/instances.json.new"
leave_empty "$state"
if [ -d "$state" ]; then warn "$state is kept with:" $(ls "$state"); fi
