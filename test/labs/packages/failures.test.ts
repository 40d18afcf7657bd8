import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { boot, type Trial } from './booted.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';

/** Steps that fail or are forbidden, under a real dpkg and systemd: what is left, and how it is corrected. */

/** One scene after the other; each begins with the first version and two monitors that run. */
const SCENES = {
  'policy-rc.d': `
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
before=$(pids)
dpkg --force-confold --install /trial/next; note upgrade $?
mv /usr/bin/deb-systemd-invoke /root
dpkg --force-confold --install /trial/first; note upgrade_without_invoke $?
mv /root/deb-systemd-invoke /usr/bin
note same_monitors "$([ "$before" = "$(pids)" ]; echo $?)"
dpkg --remove recovery-agent; note remove $?
note same_monitors "$([ "$before" = "$(pids)" ]; echo $?)"
note package "$(package)"
systemctl disable --now recovery-agent-monitor.service recovery-agent-monitor@process.service
dpkg --remove recovery-agent; note remove_when_stopped $?
dpkg --install /trial/first; note install $?
note running "$(pidof recovery-agent)"
rm /usr/sbin/policy-rc.d
`,
  SYSTEMD_OFFLINE: `
before=$(pids)
SYSTEMD_OFFLINE=1 dpkg --force-confold --install /trial/next; note upgrade $?
SYSTEMD_OFFLINE=1 dpkg --remove recovery-agent; note remove $?
note same_monitors "$([ "$before" = "$(pids)" ]; echo $?)"
`,
  'a failed start': `
echo nonsense >>/etc/recovery-agent/recovery-agent.conf
dpkg --force-confold --install /trial/next; note upgrade $?
note package "$(package)"
dpkg --configure recovery-agent; note configure_too_early $?
configure
dpkg --configure recovery-agent; note configure $?
note package "$(package)"
note active "$(active)"
`,
  'a failed stop': `
unit=recovery-agent-monitor@process.service
mkdir -p /run/systemd/system/$unit.d
printf '[Unit]\\nRefuseManualStop=yes\\n' >/run/systemd/system/$unit.d/trial.conf
systemctl daemon-reload
dpkg --remove recovery-agent; note remove $?
note package "$(package)"
note active "$(active)"
note enabled "$(enabled | wc -l)"
rm -r /run/systemd/system/$unit.d; systemctl daemon-reload
`,
  'a removal that dpkg undoes': `
mkdir -p other/DEBIAN
printf 'Package: other\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x.invalid>\\nConflicts: recovery-agent\\nReplaces: recovery-agent\\nDescription: x\\n' >other/DEBIAN/control
printf '#!/bin/sh\\nexit 1\\n' >other/DEBIAN/preinst; chmod 755 other/DEBIAN/preinst
dpkg-deb -Znone --build other other.deb
dpkg --auto-deconfigure --install other.deb; note install_of_the_other $?
note package "$(package)"
note active "$(active)"
note enabled "$(enabled | wc -l)"
`,
  'scripts of another version that fail': `
remake prerm 0.0.9; dpkg --force-confold --install remade.deb; note install_broken $?
dpkg --force-confold --install /trial/first; note upgrade_from_broken $?
note package "$(package)"
before=$(pids)
remake preinst 100; dpkg --force-confold --install remade.deb; note upgrade_to_broken $?
note package "$(package)"
note same_monitors "$([ "$before" = "$(pids)" ]; echo $?)"
`,
  'a configuration of the operator': `
printf '[monitors]\\nhost_name = kept\\n' >>/etc/recovery-agent/recovery-agent.conf
before=$(md5sum /etc/recovery-agent/recovery-agent.conf)
dpkg --force-confdef --force-confold --install /trial/next; note upgrade $?
dpkg --force-confold --install /trial/first; note downgrade $?
dpkg --remove recovery-agent; note remove $?
dpkg --force-confold --install /trial/first; note install $?
note same "$([ "$before" = "$(md5sum /etc/recovery-agent/recovery-agent.conf)" ]; echo $?)"
`,
  'a purge': `
start_engine
dpkg --purge recovery-agent; note purge_with_engine $?
note package "$(package)"
kill $engine; wait $engine
printf '[monitors]\\noutbox = "/srv/reports/" # here\\n' >>/etc/recovery-agent/recovery-agent.conf
mkdir -p /srv/reports/set-aside $O/set-aside; touch /srv/reports/set-aside/1 $O/set-aside/2 /var/lib/recovery-agent/journal.db
dpkg --purge recovery-agent; note purge $?
note running "$(pidof recovery-agent)"
note left "$(echo $(cd /; find etc/recovery-agent* var/log/recovery-agent run/recovery-agent var/lib/recovery-agent srv/reports -type f ! -name 'sender.*'))"
rm -r /srv/reports /var/lib/recovery-agent
`,
  'a purge of files that run': `
systemctl disable --now recovery-agent-monitor.service recovery-agent-monitor@process.service
recovery-agent monitor process & by_hand=$!
until_is "readlink /proc/$by_hand/exe" /usr/sbin/recovery-agent
rm /var/lib/dpkg/info/recovery-agent.prerm
dpkg --remove recovery-agent; note remove $?
dpkg --purge recovery-agent; note purge $?
note run "$(ls -d /run/recovery-agent)"
kill $by_hand; wait $by_hand
`,
};
type Scene = keyof typeof SCENES;

const FUNCTIONS = `
O=/var/lib/recovery-agent/outbox
pids() { echo "$(main) $(main @process)"; }
active() { echo $(systemctl is-active recovery-agent-monitor.service recovery-agent-monitor@process.service); }
package() { dpkg-query --show --showformat='\${db:Status-Status} \${Version}' recovery-agent; }
# remake SCRIPT VERSION: the first package with another version, and a script that always fails.
remake() {
  rm -rf remade; dpkg-deb --raw-extract /trial/first remade
  sed -i "s/^Version: .*/Version: $2/" remade/DEBIAN/control
  printf '#!/bin/sh\\nexit 1\\n' >"remade/DEBIAN/$1"; chmod 755 "remade/DEBIAN/$1"
  dpkg-deb -Znone --build remade remade.deb
}
`;

let made: Made;
let version: string;
let trial: Trial;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  version = made.description.version;
  const first = makeDeb(made.description, made.folder('first'));
  const next = makeDeb(made.next, made.folder('next'));
  const scenes = Object.entries(SCENES).map(
    ([name, steps]) => `
scene='${name}'; echo "== $scene"
dpkg --force-confmiss --force-confold --install /trial/first; start_monitors
${steps}`,
  );
  const note = 'note() { echo "$scene: $1=$2" >>/trial/notes; }\n';
  trial = await boot(made.directory, FUNCTIONS + note + scenes.join(''), (folder) => {
    copyFileSync(first, join(folder, 'first'));
    copyFileSync(next, join(folder, 'next'));
  });
});

afterAll(() => made?.[Symbol.dispose]());

const reported = (scene: Scene): string => trial.said.split(`== ${scene}\n`)[1]?.split('\n== ')[0] ?? trial.said;

function expectNotes(scene: Scene, notes: readonly string[]): void {
  const prefix = `${scene}: `;
  const found = trial.notes.filter((note) => note.startsWith(prefix)).map((note) => note.slice(prefix.length));
  expect(found, reported(scene)).toEqual(notes);
}

describe('the Debian package', () => {
  it('starts nothing that policy-rc.d forbids, and is not removed while monitors may not be stopped', () => {
    expectNotes('policy-rc.d', [
      'upgrade=0',
      'upgrade_without_invoke=0',
      'same_monitors=0',
      'remove=1',
      'same_monitors=0',
      `package=installed ${version}`,
      'remove_when_stopped=0',
      'install=0',
      'running=',
    ]);
    expect(reported('policy-rc.d')).toContain(
      'policy-rc.d does not allow "try-restart" of recovery-agent-monitor.service',
    );
    expect(reported('policy-rc.d')).toMatch(/not removed: monitors still run \(process \d+ \d+\); stop them first/);
  });

  it('touches no unit if SYSTEMD_OFFLINE is set', () => {
    expectNotes('SYSTEMD_OFFLINE', ['upgrade=0', 'remove=1', 'same_monitors=0']);
    expect(reported('SYSTEMD_OFFLINE')).toMatch(/not removed: monitors still run/);
  });

  it('is not configured while its monitors do not start, and dpkg --configure repeats that', () => {
    expectNotes('a failed start', [
      'upgrade=1',
      'package=half-configured 99.0.0',
      'configure_too_early=1',
      'configure=0',
      'package=installed 99.0.0',
      'active=active active',
    ]);
    expect(reported('a failed start')).toContain(
      'recovery-agent: monitors did not start with this version; see "systemctl',
    );
    expect(reported('a failed start')).toContain('when this is corrected, run "dpkg --configure recovery-agent"');
  });

  it('starts the monitors again that it stopped when a removal fails', () => {
    expectNotes('a failed stop', ['remove=1', `package=installed ${version}`, 'active=active active', 'enabled=2']);
    expect(reported('a failed stop')).toContain(
      'recovery-agent: not removed: monitors were not stopped; see "systemctl',
    );
  });

  it('starts them again when dpkg does not complete the removal', () => {
    expectNotes('a removal that dpkg undoes', [
      'install_of_the_other=1',
      `package=installed ${version}`,
      'active=active active',
      'enabled=2',
    ]);
  });

  it('is installed over a version whose scripts fail, and stays when a new version fails', () => {
    expectNotes('scripts of another version that fail', [
      'install_broken=0',
      'upgrade_from_broken=0',
      `package=installed ${version}`,
      'upgrade_to_broken=1',
      `package=installed ${version}`,
      'same_monitors=0',
    ]);
  });

  it('keeps the configuration of the operator', () => {
    expectNotes('a configuration of the operator', ['upgrade=0', 'downgrade=0', 'remove=0', 'install=0', 'same=0']);
  });

  it('is purged with its monitors, not with an engine, and names what it keeps', () => {
    expectNotes('a purge', [
      'purge_with_engine=1',
      `package=installed ${version}`,
      'purge=0',
      'running=',
      'left=var/lib/recovery-agent/journal.db var/lib/recovery-agent/outbox/set-aside/2 var/lib/recovery-agent/outbox/.recovery-agent-outbox srv/reports/set-aside/1',
    ]);
    expect(reported('a purge')).toMatch(/not removed: an engine runs \(process \d+\)/);
    expect(reported('a purge')).toContain('/var/lib/recovery-agent/outbox: 1 reports were not delivered and are kept;');
    expect(reported('a purge')).toContain('the outbox /srv/reports is not deleted (1 reports were not delivered)');
    expect(reported('a purge')).toContain('/var/lib/recovery-agent is kept with: journal.db outbox');
  });

  it('keeps what a process of a deleted file uses', () => {
    expectNotes('a purge of files that run', ['remove=0', 'purge=0', 'run=/run/recovery-agent']);
    expect(reported('a purge of files that run')).toMatch(
      /process \d+ was started meanwhile and runs from a deleted file/,
    );
    expect(reported('a purge of files that run')).toMatch(/engine or monitors run \(process \d+\): .* are kept/);
  });
});
