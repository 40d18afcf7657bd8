/** A real systemd as process 1 of a container, over a copy-on-write view of this machine: what happens in it stays in it. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

/** Upper bound of a trial: above that of nspawn, which is above that of the unit. */
const LIMIT_MS = 540_000;

/** $0 is the folder. Nothing mounted is left: the mount namespace goes with this shell. */
const BOOT = `set -e
mount -t tmpfs overlay "$0/over"
mkdir "$0/over/upper" "$0/over/work" "$0/over/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/over/upper,workdir=$0/over/work" "$0/over/root"
root=$0/over/root
rm -f "$root/usr/sbin/policy-rc.d" "$root/var/lib/man-db/auto-update"
: >"$root/etc/machine-id"
cp "$0/trial.service" "$root/etc/systemd/system/trial.service"
mkdir "$root/trial"
timeout --signal=KILL 500 systemd-nspawn --quiet --register=no --keep-unit --private-network \\
  --directory="$root" --bind="$0:/trial" --boot systemd.unit=trial.service </dev/null`;

const UNIT = `[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
TimeoutStartSec=460
Environment=HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
StandardOutput=file:/trial/output
StandardError=file:/trial/output
ExecStart=/bin/sh /trial/steps.sh
`;

/** A cloud that does not respond, so that a recovery stays at work; the monitor watches processes. */
const CONFIGURATION = `[monitors]
run = process
[process]
process_list_path = /etc/list.yaml
[cloud]
driver = simulated
simulated_address = /run/cloud.sock
[journal]
confirm_delay = 0
`;

const LIST = `- process_name: systemd
  start_command: /bin/false
  restart_command: /bin/false
  run_as_root: true
`;

/** What steps may call. Each `note` is a line "key=value" of the result. */
const FUNCTIONS = `cd /root
note() { echo "$1=$2" >>/trial/notes; }
until_is() { until [ "$(eval "$1")" = "$2" ]; do sleep 0.1; done; }
main() { systemctl show --property=MainPID --value "recovery-agent-monitor$1.service"; }
programs() { for pid in $(main) $(main @process); do readlink "/proc/$pid/exe"; done; }
configure() {
  cp /trial/recovery-agent.conf /etc/recovery-agent/recovery-agent.conf
  install -m 600 /trial/list.yaml /etc/list.yaml
}
start_monitors() {
  configure
  systemctl enable --now recovery-agent-monitor.service recovery-agent-monitor@process.service
}
# An engine as the resource agent starts it: no unit has it. It is at work on one recovery.
start_engine() {
  recovery-agent engine --journal /tmp/journal.db --socket /tmp/socket --pid-file /tmp/pid & engine=$!
  until [ -S /tmp/socket ]; do sleep 0.1; done
  # It refuses them until it has the journal.
  until recovery-agent notify --socket /tmp/socket --hostname c1 --event STOPPED --cluster-status OFFLINE --host-status NORMAL; do
    sleep 0.1
  done
  until_is recoveries running
}
recoveries() { recovery-agent list --socket /tmp/socket --json | sed -n 's/^ *"status": "\\(.*\\)",/\\1/p'; }
enabled() { find /etc/systemd /run/systemd/system -name 'recovery-agent*' -path '*wants*'; }
`;

export interface Trial {
  /** `key=value`, in the order of the steps. */
  readonly notes: readonly string[];
  /** Everything that the steps printed; what the container printed when they did not run. */
  readonly said: string;
}

/** Runs the steps as root in the container. `put` fills the folder that they find as /trial. */
export async function boot(parent: string, steps: string, put: (folder: string) => void): Promise<Trial> {
  // Each directory up to it is open: services that are not root read it.
  chmodSync(parent, 0o755);
  const folder = mkdtempSync(join(parent, 'trial-'));
  mkdirSync(join(folder, 'over'));
  const files = {
    'trial.service': UNIT,
    'recovery-agent.conf': CONFIGURATION,
    'list.yaml': LIST,
    'steps.sh': FUNCTIONS + steps,
    notes: '',
    said: '',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  put(folder);
  const { stdout, stderr } = await run(
    ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', BOOT, folder],
    {},
    LIMIT_MS,
  );
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const reported = read('output');
  return { notes: read('notes').trim().split('\n'), said: reported === '' ? `${stdout}${stderr}` : reported };
}
