# Before the files are removed, not before an upgrade. Nothing may run from a file that is deleted.
refuse() {
  warn "not removed: $*"
  exit 1
}

engines=$(processes engine) || refuse 'processes in /proc cannot be read'
if [ -n "$engines" ]; then
  refuse "an engine runs (process" $engines"); stop its resource first, e.g. with pcs resource disable"
fi
started=$(processes monitor) || refuse 'processes in /proc cannot be read'
foreign=$(outside_units $started)
if [ -n "$foreign" ]; then
  refuse "a monitor runs that systemd did not start (process" $foreign"); stop it first, where it was started"
fi

units=$(running_monitors) || refuse 'systemd did not list the monitors'
loaded=$(monitors --all) || refuse 'systemd did not list the monitors'
if [ -n "$loaded" ]; then
  if [ -n "$units" ]; then
    mkdir -p "${stopped%/*}"
    echo $units >"$stopped"
  fi
  if ! act stop $loaded; then
    resume_monitors || warn 'no monitor watches this host'
    refuse 'monitors were not stopped; see "systemctl status recovery-agent-monitor*.service"'
  fi
fi
left=$(processes monitor) || refuse 'processes in /proc cannot be read'
if [ -n "$left" ]; then
  resume_monitors || warn 'no monitor watches this host'
  refuse "monitors still run (process" $left"); stop them first, e.g. with systemctl stop 'recovery-agent-monitor*.service'"
fi

found=$(outboxes_elsewhere) || warn 'the configuration cannot be read; an outbox that it names stays as it is'
printf '%s\n' "$outbox" "$found" | while IFS= read -r folder; do
  [ -n "$folder" ] || continue
  count=$(undelivered "$folder")
  if [ "$count" -gt 0 ]; then warn "$folder: $count reports were not delivered and are kept"; fi
done
