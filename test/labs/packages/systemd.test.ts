import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { debFileName, makeDeb } from '#packaging/packages/deb.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';
import { run } from './run.ts';

/** The maintainer scripts under a real systemd, as pid 1 of a container over a copy-on-write view of this machine. */

/** $0 is the folder. Nothing mounted is left: the mount namespace goes with this shell. */
const BOOT = `set -e
mount -t tmpfs overlay "$0/over"
mkdir "$0/over/upper" "$0/over/work" "$0/over/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/over/upper,workdir=$0/over/work" "$0/over/root"
root=$0/over/root
rm -f "$root/usr/sbin/policy-rc.d"
: >"$root/etc/machine-id"
cp "$0/trial.service" "$root/etc/systemd/system/trial.service"
mkdir "$root/trial"
timeout --signal=KILL 150 systemd-nspawn --quiet --register=no --keep-unit --private-network \\
  --directory="$root" --bind="$0:/trial" --boot systemd.unit=trial.service </dev/null`;

const UNIT = `[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
TimeoutStartSec=120
Environment=HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
StandardOutput=file:/trial/said
StandardError=file:/trial/said
ExecStart=/bin/sh /trial/steps.sh
`;

const CONFIGURATION = `[monitors]
run = process
[process]
process_list_path = /etc/list.yaml
[cloud]
driver = simulated
simulated_address = /run/cloud.sock
`;

/** Each `note` is a line "key=value" of the result. */
const STEPS = `cd /root
note() { echo "$1=$2" >>/trial/notes; }
main() { systemctl show --property=MainPID --value "recovery-agent-monitor$1.service"; }
dpkg --install /trial/first.deb; note install $?
cp /trial/recovery-agent.conf /etc/recovery-agent/recovery-agent.conf
install -m 600 /trial/list.yaml /etc/list.yaml
systemctl enable --now recovery-agent-monitor.service recovery-agent-monitor@process.service; note start $?
recovery-agent engine --journal /tmp/journal.db --socket /tmp/socket --pid-file /tmp/pid & engine=$!
until [ -S /tmp/socket ]; do sleep 0.1; done
before="$(main) $(main @process)"
dpkg --force-confold --install /trial/next.deb; note upgrade $?
for pid in $(main) $(main @process); do
  case " $before " in *" $pid "*) note same "$pid" ;; *) note runs "$(readlink /proc/$pid/exe)" ;; esac
done
kill -0 $engine; note engine_after_upgrade $?
dpkg --remove recovery-agent; note remove_with_engine $?
kill -0 $engine; note engine_after_refusal $?
note monitor_after_refusal "$(systemctl is-active recovery-agent-monitor.service)"
kill $engine; wait $engine
dpkg --remove recovery-agent; note remove $?
note running "$(pidof recovery-agent)"
note enabled "$(find /etc/systemd -name 'recovery-agent*')"
echo unreadable >/var/lib/recovery-agent/outbox/0000000000000009-1.report
dpkg --purge recovery-agent; note purge $?
note kept "$(ls /var/lib/recovery-agent/outbox/0000000000000009-1.report)"
`;

let made: Made;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
});

afterAll(() => made?.[Symbol.dispose]());

it('monitors are restarted and removed, an engine is left alone, an undelivered report is kept', async () => {
  const folder = made.folder('trial');
  mkdirSync(join(folder, 'over'));
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  for (const [name, description] of [
    ['first.deb', made.description],
    ['next.deb', made.next],
  ] as const) {
    makeDeb(description, folder);
    copyFileSync(join(folder, debFileName(description)), join(folder, name));
  }
  put('trial.service', UNIT);
  put('recovery-agent.conf', CONFIGURATION);
  put(
    'list.yaml',
    '- process_name: systemd\n  start_command: /bin/false\n  restart_command: /bin/false\n  run_as_root: true\n',
  );
  put('steps.sh', STEPS);
  chmodSync(made.directory, 0o755);
  const boot = await run(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', BOOT, folder]);
  const said = readFileSync(join(folder, 'said'), 'utf8');
  expect(readFileSync(join(folder, 'notes'), 'utf8').trim().split('\n'), `${boot.stdout}${said}`).toEqual([
    'install=0',
    'start=0',
    'upgrade=0',
    'runs=/usr/sbin/recovery-agent',
    'runs=/usr/sbin/recovery-agent',
    'engine_after_upgrade=0',
    'remove_with_engine=1',
    'engine_after_refusal=0',
    'monitor_after_refusal=active',
    'remove=0',
    'running=',
    'enabled=',
    'purge=0',
    'kept=/var/lib/recovery-agent/outbox/0000000000000009-1.report',
  ]);
  expect(said).toMatch(/the engine \(process \d+\) goes on with the version before/);
  expect(said).toMatch(/not removed: an engine runs \(process \d+\)/);
  expect(said).toContain('1 reports were not delivered and are kept');
});
