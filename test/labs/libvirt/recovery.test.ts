/**
 * From the death of a real guest to its recovery: libvirt, the monitor as a process of its own, its outbox, the engine as a
 * process of its own. The cloud is simulated: it receives the requests that Nova would receive.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NotificationView } from '#protocol/views.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { waitUntil } from '../waiting.ts';
import { domainName, domainUuid } from './domain.ts';
import { installPackages } from './install.ts';
import { LibvirtLab } from './lab.ts';

const HOST = 'c1';

let lab: LibvirtLab;

beforeAll(async () => {
  await installPackages();
  lab = await LibvirtLab.start();
});

afterAll(async () => {
  await lab?.stop();
});

/** An engine's world in which the guests are known, with the configuration of their host's monitor. */
async function worldOf(...guests: number[]): Promise<EngineWorld> {
  const here = await EngineWorld.start();
  for (const guest of guests) here.world.addInstance(HOST, { uuid: domainUuid(guest) });
  appendFileSync(
    here.configFile,
    `[instance_failure]
process_all_instances = true
[transport]
engines = unix:${here.socket}
retry_interval = 0.2
[monitors]
run = instance
host_name = ${HOST}
outbox = ${join(here.directory, 'outbox')}
[libvirt]
socket = ${lab.socket}
qemu_log_directory = ${lab.qemuLogDirectory}
state_file = ${join(here.directory, 'instances.json')}
resync_interval = 1
`,
  );
  return here;
}

/** Waits until the running monitor has written down that it saw them. */
async function untilKnown(here: EngineWorld, guests: readonly number[]): Promise<void> {
  const stateFile = join(here.directory, 'instances.json');
  await waitUntil({ what: 'the monitor to know all guests', seconds: 60 }, () => {
    const known = existsSync(stateFile) ? readFileSync(stateFile, 'utf8') : '';
    return guests.every((guest) => known.includes(domainUuid(guest))) ? true : undefined;
  });
}

async function untilClosed(here: EngineWorld, count: number): Promise<readonly NotificationView[]> {
  return waitUntil({ what: `${count} recoveries to be closed`, seconds: 90 }, async () => {
    const all = await here.json<NotificationView[]>('list');
    return all.length >= count && all.every(({ closed_at }) => closed_at !== null) ? all : undefined;
  });
}

test('ten guests are killed at once: each is stopped and started by the engine, once', async () => {
  const guests = Array.from({ length: 10 }, (_, index) => 101 + index);
  await using here = await worldOf(...guests);
  for (const guest of guests) await lab.boot(guest);
  await here.engine();
  const monitor = here.begin(['monitor']);
  await monitor.untilLogged('monitors run');
  await untilKnown(here, guests);
  await lab.signal('KILL', ...guests);
  const seen = await untilClosed(here, guests.length);
  expect(seen.map(({ payload }) => payload.instance_uuid).sort()).toEqual(guests.map(domainUuid).sort());
  expect(new Set(seen.map(({ type, status, hostname }) => `${type} ${status} ${hostname}`))).toEqual(
    new Set([`VM finished ${HOST}`]),
  );
  expect(readdirSync(join(here.directory, 'outbox')).filter((name) => name.endsWith('.report'))).toEqual([]);
  await lab.clear();
});

test('each kind of failure is recovered, each kind of order is not', async () => {
  const failing = { panicked: 131, poweredOff: 132, diskError: 133 } as const;
  const requested = { destroyed: 141, terminated: 142, suspended: 143, stopsItself: 144 } as const;
  const failed = Object.values(failing);
  const all = [...failed, ...Object.values(requested)];
  await using here = await worldOf(...all);
  await lab.makeSmallDisk();
  await lab.boot(failing.panicked, { onCrash: 'destroy' });
  await lab.boot(failing.poweredOff, { watchdog: 'poweroff' });
  await lab.boot(failing.diskError, { disk: { path: lab.smallDisk, onError: 'report' } });
  for (const guest of Object.values(requested)) await lab.boot(guest);
  await here.engine();
  const monitor = here.begin(['monitor']);
  await monitor.untilLogged('monitors run');
  await untilKnown(here, all);
  await lab.virsh('destroy', domainName(requested.destroyed));
  await lab.signal('TERM', requested.terminated);
  await lab.virsh('suspend', domainName(requested.suspended));
  await lab.typeToGuest(requested.stopsItself, 'o');
  await lab.typeToGuest(failing.panicked, 'p');
  await lab.typeToGuest(failing.poweredOff, 'w');
  await lab.typeToGuest(failing.diskError, 'd');
  const seen = await untilClosed(here, failed.length);
  expect(seen.map(({ payload }) => payload.instance_uuid).sort()).toEqual(failed.map(domainUuid).sort());
  expect(new Set(seen.map(({ type, status }) => `${type} ${status}`))).toEqual(new Set(['VM finished']));
  await lab.clear();
});

test('a guest that dies while monitor and engine are down is recovered when they are back; one that was destroyed is not', async () => {
  const [dead, destroyed] = [121, 122] as const;
  await using here = await worldOf(dead, destroyed);
  for (const guest of [dead, destroyed]) await lab.boot(guest);
  const first = here.begin(['monitor']);
  await first.untilLogged('monitors run');
  await untilKnown(here, [dead, destroyed]);
  await lab.virsh('destroy', domainName(destroyed));
  await first.kill('SIGKILL');
  await lab.killUndetected(dead);
  await here.engine();
  const second = here.begin(['monitor']);
  await second.untilLogged('notification delivered');
  const seen = await untilClosed(here, 1);
  expect(seen.map(({ payload, status }) => [payload.instance_uuid, status])).toEqual([[domainUuid(dead), 'finished']]);
  await lab.clear();
});
