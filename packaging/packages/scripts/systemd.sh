# What the scripts require of systemd. Without a systemd that runs in this root (a chroot, an image, SYSTEMD_OFFLINE) no
# running unit is touched, and systemctl works on files only.
online() {
  case ${SYSTEMD_OFFLINE:-} in '' | 0 | n | no | f | false | off) ;; *) return 1 ;; esac
  # A chroot may have /run of the machine.
  [ -z "$root" ] && [ -d /run/systemd/system ] && [ /proc/1/root -ef / ]
}
online || export SYSTEMD_OFFLINE=1

# Whether /run belongs to this root. It may be that of the machine, mounted into a chroot.
has_own_run() {
  if [ -z "$root" ] && [ /proc/1/root -ef / ]; then return 0; fi
  if [ "$root/run" -ef /proc/1/root/run ]; then return 1; fi
  [ ! -d "$root/run" ] || [ "$(stat -c %d "$root/run")" = "$(stat -c %d "$root/")" ]
}

# monitors OPTION...: names of the monitors' units that systemctl lists with these options.
monitors() {
  online || return 0
  listed=$(systemctl list-units --plain --no-legend "$@" 'recovery-agent-monitor*.service') || return 1
  echo "$listed" | while read -r unit rest; do echo "$unit"; done
}
running_monitors() { monitors --state=active,activating,reloading; }

# act ACTION UNIT...: systemctl, where the policy of this machine allows it (policy-rc.d; 101: not allowed).
act() {
  if [ -n "$(command -v deb-systemd-invoke)" ]; then
    deb-systemd-invoke "$@"
    return
  fi
  action=$1
  shift
  if [ -n "$(command -v policy-rc.d)" ]; then
    for unit in "$@"; do
      code=0
      policy-rc.d "$unit" "$action" || code=$?
      if [ "$code" = 101 ]; then
        warn "policy-rc.d does not allow \"$action\" of $unit"
        return 0
      fi
    done
  fi
  systemctl "$action" "$@"
}

reload_systemd() {
  online || return 0
  systemctl daemon-reload
}

# Monitors that a removal has stopped, until it is complete. A removal that is not completed starts them again.
stopped=/run/recovery-agent/stopped-monitors
resume_monitors() {
  if ! online || ! [ -f "$stopped" ]; then return 0; fi
  if systemctl start $(cat "$stopped"); then
    warn 'the monitors run'
  else
    warn 'monitors that were stopped do not start; see "systemctl status recovery-agent-monitor*.service"'
    return 1
  fi
  rm -f "$stopped"
}
