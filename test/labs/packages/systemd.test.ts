import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { makeRpm } from '#packaging/packages/rpm.ts';
import { boot, type Trial } from './booted.ts';
import { installPackages } from './install.ts';
import { Made } from './made.ts';

/** Both packages under a real systemd: an upgrade while a recovery runs, a refused removal, a removal. */

const OUTBOX = '/var/lib/recovery-agent/outbox';

const RPM = 'rpm --dbpath /var/lib/rpm';
const COMMANDS = {
  deb: {
    install: 'dpkg --install /trial/first',
    upgrade: 'dpkg --force-confold --install /trial/next',
    downgrade: 'dpkg --force-confold --install /trial/first',
    remove: 'dpkg --remove recovery-agent',
  },
  rpm: {
    install: `${RPM} --install --nodeps /trial/first`,
    upgrade: `${RPM} --upgrade --nodeps /trial/next`,
    downgrade: `${RPM} --upgrade --oldpackage --nodeps /trial/first`,
    remove: `${RPM} --erase recovery-agent`,
  },
} as const;
type Kind = keyof typeof COMMANDS;
const KINDS: readonly Kind[] = ['deb', 'rpm'];

const steps = ({ install, upgrade, downgrade, remove }: (typeof COMMANDS)[Kind]): string => `
${install}; note install $?
note enabled_by_install "$(enabled)$(pidof recovery-agent)"
start_monitors; note start $?
start_engine
before="$(main) $(main @process)"
for change in upgrade downgrade; do
  if [ $change = upgrade ]; then ${upgrade}; else ${downgrade}; fi
  note $change $?
  for pid in $(main) $(main @process); do
    case " $before " in *" $pid "*) note same "$pid" ;; *) note runs "$(readlink /proc/$pid/exe)" ;; esac
  done
  note engine "$(recoveries)"
done
monitors="$(main) $(main @process)"
${remove}; note remove_with_engine $?
note engine "$(recoveries)"
note same_monitors "$([ "$monitors" = "$(main) $(main @process)" ]; echo $?)"
kill $engine; wait $engine
recovery-agent monitor process & by_hand=$!
until_is 'ls /var/lib/recovery-agent/outbox | grep -c sender' 1
until_is 'readlink /proc/'$by_hand'/exe' /usr/sbin/recovery-agent
${remove}; note remove_with_monitor_of_another $?
kill $by_hand; wait $by_hand
echo unreadable >${OUTBOX}/0000000000000009-1.report
printf '[monitors]\\noutbox = /srv/reports\\n' >>/etc/recovery-agent/recovery-agent.conf
mkdir /srv/reports; touch /srv/reports/1.report
${remove}; note remove $?
note running "$(pidof recovery-agent)"
note enabled "$(enabled)"
note loaded "$(systemctl list-units --plain --no-legend --state=active,activating 'recovery-agent*')"
note reports "$(find ${OUTBOX} /srv/reports -name '*.report' | wc -l)"
`;

let made: Made;
const trials: Partial<Record<Kind, Trial>> = {};

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  const make = { deb: makeDeb, rpm: makeRpm };
  for (const kind of KINDS) {
    const first = make[kind](made.description, made.folder(`${kind}-first`));
    const next = make[kind](made.next, made.folder(`${kind}-next`));
    trials[kind] = await boot(made.directory, steps(COMMANDS[kind]), (folder) => {
      copyFileSync(first, join(folder, 'first'));
      copyFileSync(next, join(folder, 'next'));
    });
  }
});

afterAll(() => made?.[Symbol.dispose]());

describe.each(KINDS)('the .%s where systemd runs', (kind) => {
  it('restarts monitors, does not disturb a recovery, and leaves nothing that runs or is enabled', () => {
    const { notes, said: reported } = trials[kind] ?? { notes: [], said: '' };
    const program = 'runs=/usr/sbin/recovery-agent';
    expect(notes, reported).toEqual([
      'install=0',
      'enabled_by_install=',
      'start=0',
      ...['upgrade=0', program, program, 'engine=running'],
      ...['downgrade=0', program, program, 'engine=running'],
      'remove_with_engine=1',
      'engine=running',
      'same_monitors=0',
      'remove_with_monitor_of_another=1',
      'remove=0',
      'running=',
      'enabled=',
      'loaded=',
      // One is in the outbox or was set aside by a monitor, one is in an outbox elsewhere.
      'reports=2',
    ]);
  });

  it.each([
    /^recovery-agent: the engine \(process \d+\) continues with the version before; restart its resource/m,
    /^recovery-agent: not removed: an engine runs \(process \d+\); stop its resource first/m,
    /^recovery-agent: not removed: a monitor runs that systemd did not start \(process \d+\); stop it first/m,
    /^recovery-agent: \/var\/lib\/recovery-agent\/outbox: 1 reports were not delivered and are kept$/m,
    /^recovery-agent: \/srv\/reports: 1 reports were not delivered and are kept$/m,
    /^recovery-agent: recovery-agent-monitor\.service is disabled$/m,
    /^recovery-agent: recovery-agent-monitor@process\.service is disabled$/m,
  ])('prints %s', (line) => {
    expect(trials[kind]?.said).toMatch(line);
  });
});
