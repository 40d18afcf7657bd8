import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { makeRpm } from '#packaging/packages/rpm.ts';
import { boot, type Trial } from './booted.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';
import { Root } from './root.ts';

/**
 * Roots in which no systemd runs, on a machine whose own monitors run: images, chroots with and without /proc and with /run of the
 * machine. The real systemctl of the machine reads the state of each with --root.
 */

const DEB = 'dpkg --root=$r --log=/dev/stderr --path-include=/* --force-unsafe-io --force-confold';
const RPM = 'rpm --root $r --dbpath /var/lib/rpm';
const COMMANDS = {
  deb: [`${DEB} --install`, `${DEB} --install`, `${DEB} --purge recovery-agent`],
  chrootless: [DEB, DEB, DEB].map(
    (dpkg, at) => `${dpkg} --force-script-chrootless ${['--install', '--install', '--purge recovery-agent'][at] ?? ''}`,
  ),
  rpm: [`${RPM} --install --nodeps`, `${RPM} --upgrade --nodeps`, `${RPM} --erase recovery-agent`],
};

interface Image {
  readonly name: string;
  readonly by: keyof typeof COMMANDS;
  /** Done with the empty root `$r`. */
  readonly prepare: string;
  readonly enabledByInstall: string;
}

const WITHOUT_SYSTEMD = 'rm $r/bin/systemctl $r/bin/systemd-tmpfiles $r/bin/systemd-notify';
const RUN_OF_MACHINE = 'mount --bind /run $r/run';
const BY_SITE =
  'mkdir -p $r/etc/systemd/system-preset; echo "enable recovery-agent-monitor.service" >$r/etc/systemd/system-preset/10-site.preset';

const IMAGES: readonly Image[] = [
  { name: 'deb-plain', by: 'deb', prepare: 'rm -r $r/dev', enabledByInstall: 'disabled' },
  { name: 'deb-without-systemd', by: 'deb', prepare: WITHOUT_SYSTEMD, enabledByInstall: 'disabled' },
  { name: 'deb-run-of-the-machine', by: 'deb', prepare: RUN_OF_MACHINE, enabledByInstall: 'disabled' },
  {
    name: 'deb-proc-and-run-of-the-machine',
    by: 'deb',
    prepare: `${RUN_OF_MACHINE}; mount --bind /proc $r/proc`,
    enabledByInstall: 'disabled',
  },
  { name: 'deb-preset-of-the-site', by: 'deb', prepare: BY_SITE, enabledByInstall: 'enabled' },
  { name: 'deb-chrootless', by: 'chrootless', prepare: BY_SITE, enabledByInstall: 'enabled' },
  { name: 'rpm-plain', by: 'rpm', prepare: 'rm -r $r/dev', enabledByInstall: 'disabled' },
  { name: 'rpm-without-systemd', by: 'rpm', prepare: WITHOUT_SYSTEMD, enabledByInstall: 'disabled' },
  { name: 'rpm-run-of-the-machine', by: 'rpm', prepare: RUN_OF_MACHINE, enabledByInstall: 'disabled' },
  { name: 'rpm-preset-of-the-site', by: 'rpm', prepare: BY_SITE, enabledByInstall: 'enabled' },
];

function stepsFor({ name, by, prepare }: Image): string {
  const [install, upgrade, remove] = COMMANDS[by];
  const kind = by === 'rpm' ? 'rpm' : 'deb';
  return `
r=/root/image; cp -a /trial/root $r
(${prepare})
${install} /trial/first.${kind}; note ${name}-install $?
note ${name}-state "$(state)"
systemctl --root=$r preset-all; note ${name}-state-at-first-boot "$(state)"
systemctl --root=$r enable recovery-agent-monitor.service recovery-agent-monitor@host.service
${upgrade} /trial/next.${kind}; note ${name}-upgrade $?
note ${name}-state-after-upgrade "$(state)"
${remove}; note ${name}-remove $?
note ${name}-left "$(find $r/etc/systemd/system $r/usr/sbin $r/usr/lib/systemd $r/usr/lib/ocf $r/run/recovery-agent/socket -name '*recovery-agent*')"
for place in run proc; do if mountpoint -q $r/$place; then umount $r/$place; fi; done
rm -r $r
note ${name}-machine "$(machine)"
`;
}

const STEPS = `
dpkg --install /trial/first.deb
start_monitors
touch /run/recovery-agent/socket
state() { systemctl --root=$r is-enabled recovery-agent-monitor.service; }
machine() { echo "$(main) $(main @process) $(enabled) $(ls /run/recovery-agent /var/lib/recovery-agent)" | cksum; }
note machine "$(machine)"
${IMAGES.map(stepsFor).join('')}`;

let made: Made;
let trial: Trial;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  await using root = await Root.create(['/bin/systemctl']);
  const packages = {
    'first.deb': makeDeb(made.description, made.folder('deb-first')),
    'next.deb': makeDeb(made.next, made.folder('deb-next')),
    'first.rpm': makeRpm(made.description, made.folder('rpm-first')),
    'next.rpm': makeRpm(made.next, made.folder('rpm-next')),
  };
  trial = await boot(made.directory, STEPS, (folder) => {
    for (const [name, file] of Object.entries(packages)) copyFileSync(file, join(folder, name));
    cpSync(root.directory, join(folder, 'root'), { recursive: true, verbatimSymlinks: true });
  });
});

afterAll(() => made?.[Symbol.dispose]());

describe('a root in which no systemd runs', () => {
  it.each(IMAGES)('$name: has the right state after each step, and the machine is not touched', (image) => {
    const of = (name: string): string[] => trial.notes.filter((note) => note.startsWith(`${name}-`));
    const [machine = ''] = trial.notes;
    expect(of(image.name), trial.said).toEqual(
      [
        'install=0',
        `state=${image.enabledByInstall}`,
        `state-at-first-boot=${image.enabledByInstall}`,
        'upgrade=0',
        'state-after-upgrade=enabled',
        'remove=0',
        'left=',
        machine,
      ].map((note) => `${image.name}-${note}`),
    );
  });

  it('prints no error of the shell that runs the scripts', () => {
    expect(trial.said).not.toMatch(/(recovery-agent\.(postinst|prerm|postrm)|rpm-tmp\.\w+): /);
  });
});
