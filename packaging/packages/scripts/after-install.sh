# After an installation and an upgrade. No recovery is interrupted: the engine continues with the program before.
# Each step is tried. A step that failed is named, and the script fails at its end.
failed=
fault() {
  warn "$*"
  failed=yes
}

# The directory exists at once, not only after the next boot. systemd-tmpfiles requires /proc.
if [ -d /proc/self ] && has_own_run && [ -n "$(command -v systemd-tmpfiles)" ]; then
  # It succeeds when something else has that name.
  if ! systemd-tmpfiles ${root:+--root="$root"} --create recovery-agent.conf || ! [ -d "$root/run/recovery-agent" ]; then
    fault '/run/recovery-agent was not made; see "systemd-tmpfiles --create recovery-agent.conf"'
  fi
fi

# The package's own preset enables nothing. A preset of the site counts, once.
if [ "$first" = yes ] && [ -n "$(command -v systemctl)" ]; then
  systemctl ${root:+--root="$root"} --preset-mode=enable-only preset recovery-agent-monitor.service recovery-agent-monitor@.service ||
    fault 'presets were not applied; see "systemctl preset recovery-agent-monitor.service"'
fi

reload_systemd || fault 'systemd did not reload its units; see "systemctl daemon-reload"'

# Reports wait in the outbox meanwhile.
if units=$(running_monitors); then
  [ -z "$units" ] || act try-restart $units ||
    fault 'monitors did not start with this version; see "systemctl status recovery-agent-monitor*.service"'
else
  fault 'systemd did not list the monitors; restart those that run'
fi

if engines=$(processes engine) && started=$(processes monitor); then
  for pid in $engines; do
    warn "the engine (process $pid) continues with the version before; restart its resource when no recovery runs"
  done
  for pid in $(outside_units $started); do
    warn "a monitor that systemd did not start (process $pid) continues with the version before; restart it"
  done
else
  fault 'processes in /proc cannot be read; restart engine and monitors if they run with the version before'
fi
