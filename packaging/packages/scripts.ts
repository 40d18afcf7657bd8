/**
 * What the packages do when they are installed, upgraded, removed and purged: shell commands for root, of POSIX sh.
 *
 * Invariants: no script touches a journal or ends an engine. What cannot be done is said, and what must be done first is refused.
 */
import { NAME } from './name.ts';

const UNITS = `${NAME}-monitor*.service`;

/** `engines`: pids of the engines of this root, also of those whose file was replaced. */
const ENGINES = `engines() {
  for process in /proc/[0-9]*; do
    [ "$process/root" -ef / ] || continue
    case $(readlink "$process/exe" 2>/dev/null) in
      /usr/sbin/${NAME} | '/usr/sbin/${NAME} (deleted)') ;;
      *) continue ;;
    esac
    if tr '\\0' '\\n' 2>/dev/null <"$process/cmdline" | grep -qx engine; then echo "\${process#/proc/}"; fi
  done
}
say() { echo "${NAME}: $*" >&2; }`;

/** `invoke`: systemctl for the monitors that are loaded, where systemd runs and the policy of this machine (policy-rc.d) lets it. */
const INVOKE = `invoke() {
  [ -d /run/systemd/system ] || return 0
  units=$(systemctl list-units --all --plain --no-legend '${UNITS}' | while read -r unit rest; do echo "$unit"; done)
  [ -n "$units" ] || return 0
  if command -v deb-systemd-invoke >/dev/null; then deb-systemd-invoke "$1" $units; else systemctl "$1" $units; fi
}
reload() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload || say 'systemd did not read its units again; run "systemctl daemon-reload"'
}`;

/** After installing and upgrading. A recovery is never cut off: the engine goes on with its old program. */
export const AFTER_INSTALL: readonly string[] = [
  ENGINES,
  INVOKE,
  // The directory is there at once and not at the next boot only.
  `if command -v systemd-tmpfiles >/dev/null; then
  systemd-tmpfiles --create ${NAME}.conf || say '/run/${NAME} was not made; run "systemd-tmpfiles --create ${NAME}.conf"'
fi`,
  'reload',
  // What the monitors had to say lies in the outbox meanwhile.
  `invoke try-restart || say 'monitors did not start with the new version; see "systemctl status ${UNITS}", then restart them'`,
  `for pid in $(engines); do
  say "the engine (process $pid) goes on with the version before; restart its resource when no recovery runs"
done`,
];

/** Before the files go, not before an upgrade. The enabling links are removed by hand: this also holds in an offline root. */
export const BEFORE_REMOVAL: readonly string[] = [
  ENGINES,
  INVOKE,
  `running=$(engines)
if [ -n "$running" ]; then
  say "not removed: an engine runs (process" $running"); stop its resource first, e.g. with pcs resource disable"
  exit 1
fi`,
  `if ! invoke stop; then
  say 'not removed: monitors could not be stopped; see "systemctl status ${UNITS}"'
  exit 1
fi`,
  `for link in /etc/systemd/system/*.wants/${UNITS} /etc/systemd/system/*.requires/${UNITS}; do
  if [ -L "$link" ]; then rm -f "$link"; say "\${link##*/} is disabled"; fi
done`,
];

export const AFTER_REMOVAL: readonly string[] = [ENGINES, INVOKE, 'reload'];

/** When nothing is to be left, except journals, reports that nobody received, and what a living engine uses. */
export const ON_PURGE: readonly string[] = [
  ENGINES,
  `running=$(engines)
if [ -n "$running" ]; then
  say "an engine runs (process" $running"): /run/${NAME} and /var/log/${NAME} are kept"
else
  rm -rf /run/${NAME} /var/log/${NAME}
fi`,
  `outbox=/var/lib/${NAME}/outbox
undelivered=0
for report in "$outbox"/*.report "$outbox"/*.new "$outbox"/set-aside/*; do
  if [ -e "$report" ]; then undelivered=$((undelivered + 1)); fi
done
if [ "$undelivered" -gt 0 ]; then
  say "$outbox: $undelivered reports were not delivered and are kept; delete the folder when nobody needs them"
else
  rm -rf "$outbox"
fi`,
  `rm -f /var/lib/${NAME}/*-monitor.json /var/lib/${NAME}/instances.json`,
  // Only if no journal is in it.
  `if [ -d /var/lib/${NAME} ]; then rmdir --ignore-fail-on-non-empty /var/lib/${NAME}; fi`,
];
