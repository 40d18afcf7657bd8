# After the files were removed, not after an upgrade.
# By hand: systemctl may be missing, and does not find links of units whose files are gone. A mask and own unit files stay.
disable_monitors() {
  for link in "$1"/* "$1"/*/*; do
    [ -L "$link" ] || continue
    case $(readlink "$link") in
      *recovery-agent-monitor.service | *recovery-agent-monitor@*.service)
        rm -f "$link"
        warn "${link##*/} is disabled"
        ;;
    esac
  done
}
disable_monitors "$root/etc/systemd/system"
if online; then
  disable_monitors /run/systemd/system
  rm -f "$stopped"
fi

if ! reload_systemd; then
  warn 'systemd did not reload its units; run "systemctl daemon-reload"'
  exit 1
fi

if engines=$(processes engine) && started=$(processes monitor); then
  for pid in $engines $started; do warn "process $pid was started meanwhile and runs from a deleted file; stop it"; done
else
  warn 'processes in /proc cannot be read; stop engine and monitors if they run'
fi
