# The processes of the program. Those of this root count, and no others: a container or a chroot has a program of its own.
# Nothing here uses /dev/null: an offline root may lack it.
root=${DPKG_ROOT:-}
warn() { echo "recovery-agent: $*" >&2; }

# processes engine|monitor: process IDs, also of those whose file was replaced or deleted. Fails when /proc cannot be read.
processes() {
  for process in /proc/[0-9]*; do
    [ "$process/root" -ef "$root/" ] || continue
    case $(readlink "$process/exe") in
      "$root"/usr/sbin/recovery-agent | "$root"/usr/bin/recovery-agent) ;;
      "$root/usr/sbin/recovery-agent (deleted)" | "$root/usr/bin/recovery-agent (deleted)") ;;
      *) continue ;;
    esac
    # The resource agent has an action "monitor" too, which ends by itself.
    if [ "$1" = monitor ] && is_in "$process/cmdline" '.*/ocf/resource[.]d/.*'; then continue; fi
    code=0
    is_in "$process/cmdline" "$1" || code=$?
    case $code in
      0) echo "${process#/proc/}" ;;
      1) ;;
      # A process that has ended meanwhile is no error.
      *) if [ -d "$process" ]; then return 1; fi ;;
    esac
  done
}

# is_in FILE PATTERN: whether one whole argument matches.
is_in() { grep -qszx -e "$2" "$1"; }

# outside_units PID...: those that are no main process of a monitor's unit, e.g. started by Pacemaker or by hand.
outside_units() {
  for pid in "$@"; do
    if ! grep -qs 'recovery-agent-monitor[^/]*[.]service' "/proc/$pid/cgroup"; then echo "$pid"; fi
  done
}
