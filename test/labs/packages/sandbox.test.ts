import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { writeTree } from '#packaging/packages/tree.ts';
import { installDebianPackages } from '../debian_packages.ts';
import { boot, type Trial } from './booted.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';
import { run } from './run.ts';

/** The rights of the units: the result of systemd-analyze, and that each monitor does its work with them. */

/** The objects that the monitors watch, and the peers that respond to them. */
const WATCHED = [
  'libvirt-daemon-system',
  'libvirt-clients',
  'qemu-system-x86',
  'pacemaker',
  'pacemaker-cli-utils',
  'corosync',
  'iputils-ping',
  'dbus',
] as const;

/** Upper bounds of the exposure level; 0 is a unit without any rights, 10 one with all. */
const LIMITS = {
  'recovery-agent-monitor@host.service': 3,
  'recovery-agent-monitor@process.service': 3,
  'recovery-agent-monitor@instance.service': 3,
  'recovery-agent-monitor@guest.service': 3,
  'recovery-agent-monitor.service': 5,
} as const;

const CONFIGURATION = `[monitors]
run = host, process, instance, guest
host_name = c1
[process]
process_list_path = /etc/list.yaml
user = nobody
watch_interval = 0.2
check_interval = 1
restart_delay = 0
restart_interval = 1
restart_retries = 1
command_timeout = 2
`;

/** The last one cannot be restarted: its command takes too long, and is ended. */
const LIST = `- systemd_unit: victim
- process_name: /usr/bin/sleep 100001
  start_command: systemctl start plain
  restart_command: systemctl restart plain
  run_as_root: true
- process_name: /usr/bin/no-such-program
  start_command: /usr/bin/touch /srv/nobody/started
  restart_command: /usr/bin/sleep 100002
  run_as_root: false
  report_as: gone
`;

const DOMAIN = `<domain type='qemu'>
  <name>instance-00000001</name><uuid>11111111-0000-4000-8000-000000000001</uuid>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>guest</nova:name></nova:instance>
  </metadata>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/><memballoon model='none'/>
  </devices>
  <seclabel type='none'/>
</domain>
`;

const COROSYNC = `totem {
  version: 2
  cluster_name: lab
  transport: knet
  crypto_cipher: none
  crypto_hash: none
}
system {
  sched_rr: no
  move_to_root_cgroup: no
}
quorum {
  provider: corosync_votequorum
}
nodelist {
  node {
    name: c1
    nodeid: 1
    ring0_addr: 127.0.0.1
  }
}
`;

const FUNCTIONS = `
O=/var/lib/recovery-agent/outbox
status() { systemctl show --property=StatusText --value "$1"; }
# until_ok SECONDS COMMAND: whether the command succeeds within the time.
until_ok() { for _ in $(seq "$(($1 * 5))"); do if eval "$2" >/dev/null 2>&1; then return 0; fi; sleep 0.2; done; return 1; }
reports() { sed -s 1d $O/*.report 2>/dev/null; }
of() { systemctl show --property="$1" --value "$2"; }
kernel_of() { sed -n "s/^$2:\\t//p" "/proc/$(of MainPID "$1")/status"; }
# restarted UNIT: kills its process, and waits for another one.
restarted() { old=$(of MainPID "$1"); kill -KILL "$old"; until_ok 20 "[ \\$(of MainPID $1) -gt 0 ] && [ \\$(of MainPID $1) != $old ]"; }
clear_reports() { rm -f $O/*.report; }
stop() { systemctl stop "$1"; }
start_domain() { virsh --quiet destroy instance-00000001; virsh --quiet create /trial/domain.xml; }
kill_domain() { kill -KILL "$(cat /run/libvirt/qemu/instance-00000001.pid)"; }
# does_its_work UNIT MONITOR
does_its_work() {
  clear_reports
  case $2 in
    process)
      note "$1 restarts a unit" "$(restarted victim; echo $?)"
      note "$1 restarts by command" "$(restarted plain; echo $?)"
      note "$1 runs as another user" "$(until_ok 20 '[ "$(stat -c %U /srv/nobody/started)" = nobody ]'; echo $?)"
      note "$1 reports" "$(until_ok 40 'reports | grep -q gone'; echo $?)"
      note "$1 ends commands of another user" "$(until_ok 10 '! pgrep -f "sleep 100002"'; echo $?)"
      rm -f /srv/nobody/started ;;
    instance)
      start_domain
      sleep 2
      kill_domain
      note "$1 reports an instance" "$(until_ok 20 'reports | grep -q 11111111-0000-4000-8000-000000000001'; echo $?)" ;;
    host)
      note "$1 has a socket for alerts" "$(stat -c '%U %G %a' /run/recovery-agent/host-monitor.sock)" ;;
  esac
}
single() {
  unit="recovery-agent-monitor@$1.service"
  systemctl start "$unit"; note "$1 start" $?
  note "$1 sees" "$(until_ok 60 "status $unit | grep -qx '$1 seeing'"; echo $?)"
  note "$1 rights" "$(kernel_of "$unit" CapBnd) $(kernel_of "$unit" NoNewPrivs)"
  does_its_work "$1" "$1"
  status "$unit"; journalctl --unit "$unit" --no-pager --lines 40
  stop "$unit"
}
`;

const STEPS = `
dpkg --install /trial/first; note install $?
mkdir -p /srv/nobody; chown nobody /srv/nobody
install -m 640 /trial/sandbox.conf /etc/recovery-agent/recovery-agent.conf
install -m 600 /trial/sandbox-list.yaml /etc/list.yaml
for name in victim plain; do
  printf '[Service]\\nExecStart=/usr/bin/sleep %s\\n' $([ $name = plain ] && echo 100001 || echo 100000) >/etc/systemd/system/$name.service
done
systemctl daemon-reload; systemctl start victim plain
install -m 644 /trial/corosync.conf /etc/corosync/corosync.conf
hostname c1
systemctl start corosync pacemaker; note cluster $?
until_ok 60 'crm_mon --one-shot | grep -q "Online: .*c1"'; note online $?
systemctl start libvirtd; note libvirt $?
# A monitor starts only where ping works with the rights of its unit.
for unit in recovery-agent-monitor@host recovery-agent-monitor; do
  mkdir -p /run/systemd/system/$unit.service.d
  printf '[Service]\\nExecStartPre=/usr/bin/ping -c 1 -W 2 127.0.0.1\\n' >/run/systemd/system/$unit.service.d/ping.conf
done
systemctl daemon-reload
for monitor in host process instance guest; do single $monitor; done
all=recovery-agent-monitor.service
# What an earlier monitor has reported is not reported again.
rm /var/lib/recovery-agent/process-monitor.json
systemctl start $all; note "all start" $?
note "all see" "$(until_ok 60 "[ \\$(status $all | grep -o seeing | wc -l) = 4 ]"; echo $?)"
note "all core" "$(grep 'core file' /proc/$(of MainPID $all)/limits | tr -s ' ' | cut -d ' ' -f 5,6)"
for monitor in process instance host; do does_its_work all $monitor; done
status $all; journalctl --unit $all --no-pager --lines 60
# A site that needs more for its own commands.
mkdir -p /etc/systemd/system/$all.d
printf '[Service]\\nCapabilityBoundingSet=CAP_NET_ADMIN\\n' >/etc/systemd/system/$all.d/site.conf
systemctl daemon-reload; systemctl restart $all
note "with a drop-in" "$(kernel_of $all CapBnd)"
`;

let made: Made;
let trial: Trial;

beforeAll(async () => {
  await installPackages();
  await installDebianPackages('packages', WATCHED);
  made = Made.create();
  const deb = makeDeb(made.description, made.folder('deb'));
  trial = await boot(made.directory, FUNCTIONS + STEPS, (folder) => {
    copyFileSync(deb, join(folder, 'first'));
    const files = {
      'sandbox.conf': CONFIGURATION,
      'sandbox-list.yaml': LIST,
      'domain.xml': DOMAIN,
      'corosync.conf': COROSYNC,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  });
});

afterAll(() => made?.[Symbol.dispose]());

describe('the exposure level that systemd-analyze gives', () => {
  it.each(Object.entries(LIMITS))('%s is at most %d', async (unit, limit) => {
    const root = join(made.directory, 'analysed');
    mkdirSync(root, { recursive: true });
    writeTree(
      root,
      made.description.entries.filter(({ path }) => path.startsWith('/usr/lib/systemd/system/')),
      0,
    );
    const ended = await run(['systemd-analyze', 'security', '--offline=true', `--root=${root}`, unit], { LC_ALL: 'C' });
    const level = /Overall exposure level for \S+: ([0-9.]+)/.exec(ended.stdout)?.[1];
    expect(Number(level), `${ended.stdout}${ended.stderr}`).toBeLessThanOrEqual(limit);
  });
});

describe('with the rights of their units', () => {
  const notesOf = (prefix: string): string[] => trial.notes.filter((note) => note.startsWith(prefix));

  it('all of it can be set up', () => {
    const names = ['install', 'cluster', 'online', 'libvirt'];
    expect(
      names.flatMap((name) => notesOf(`${name}=`)),
      trial.said,
    ).toEqual(names.map((name) => `${name}=0`));
  });

  it('the host monitor runs ping, reads the cluster, and Pacemaker may connect to its socket', () => {
    expect(notesOf('host '), trial.said).toEqual([
      'host start=0',
      'host sees=0',
      'host rights=0000000000002003 1',
      'host has a socket for alerts=root haclient 660',
    ]);
  });

  it('the process monitor restarts a unit, runs commands also as another user, ends them, and reports', () => {
    expect(notesOf('process '), trial.said).toEqual([
      'process start=0',
      'process sees=0',
      'process rights=00000000000000e0 1',
      'process restarts a unit=0',
      'process restarts by command=0',
      'process runs as another user=0',
      'process reports=0',
      'process ends commands of another user=0',
    ]);
  });

  it('the instance monitor needs no capability to report a killed QEMU', () => {
    expect(notesOf('instance '), trial.said).toEqual([
      'instance start=0',
      'instance sees=0',
      'instance rights=0000000000000000 1',
      'instance reports an instance=0',
    ]);
  });

  it('the guest monitor needs no capability to see guests', () => {
    expect(notesOf('guest '), trial.said).toEqual(['guest start=0', 'guest sees=0', 'guest rights=0000000000000000 1']);
  });

  it('all of them in one process do the same, and leave no core dump', () => {
    expect(notesOf('all '), trial.said).toEqual([
      'all start=0',
      'all see=0',
      'all core=0 0',
      'all restarts a unit=0',
      'all restarts by command=0',
      'all runs as another user=0',
      'all reports=0',
      'all ends commands of another user=0',
      'all reports an instance=0',
      'all has a socket for alerts=root haclient 660',
    ]);
  });

  it('a drop-in of the site adds a capability to those of the unit', () => {
    expect(notesOf('with a drop-in'), trial.said).toEqual(['with a drop-in=00000000000030ef']);
  });
});
