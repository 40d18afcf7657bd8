import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NotificationBody } from '#protocol/notification.ts';
import type { DomainState } from '../libvirt/domains.ts';
import type { InstanceFacts } from '../service/monitor.ts';
import { CASE_TIMES } from './case-times.ts';
import { Cases } from './cases.ts';
import type { Failure } from './failure.ts';
import type { KnownDomain } from './known-domain.ts';
import { Memory } from './state-file.ts';

const UUID = '11111111-0000-4000-8000-000000000001';
const DOMAIN = { name: 'instance-00000001', uuid: UUID, id: 7 };
const RUNNING: KnownDomain = { name: DOMAIN.name, life: 7, power: 'on', at: 0, reported: [] };
const ACTIVE: InstanceFacts = { status: 'found', host: 'compute1', vmState: 'active', taskState: null };
const SHUTOFF: DomainState = { state: 5, reason: 3 };
const CRASHED: DomainState = { state: 6, reason: 1 };

const killed = (changes: Partial<Failure> = {}): Failure => ({
  ...{ domain: DOMAIN, kind: 'killed', life: 7, at: Date.now(), certainty: 'certain', recovers: 'never' },
  ...changes,
});

let directory: string;
let path: string;
let memory: Memory;
let end: AbortController;
let bodies: NotificationBody[];
/** The states in libvirt and Nova, and the outcome of a report. */
let libvirt: DomainState | 'gone' | 'lost';
let nova: () => Promise<InstanceFacts | undefined>;
let deliver: () => Promise<void>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cases-'));
  path = join(directory, 'instances.json');
  memory = await Memory.open(path, 'boot', (text) => expect.fail(text));
  memory.set(UUID, RUNNING);
  await memory.save();
  end = new AbortController();
  bodies = [];
  libvirt = SHUTOFF;
  nova = async () => ACTIVE;
  deliver = async () => {};
});

afterEach(async () => {
  end.abort();
  await memory.save();
  rmSync(directory, { recursive: true, force: true });
});

function casesWith(times: Partial<typeof CASE_TIMES> = {}): Cases {
  const context = {
    node: 'compute1',
    signal: end.signal,
    log: () => {},
    report: async (body: NotificationBody) => {
      await deliver();
      bodies.push(body);
    },
    queryInstance: () => nova(),
    seen: () => {},
    blind: () => {},
  };
  const fast = { ...CASE_TIMES, recoverMs: 20, queryAgainMs: 5, uncertainMs: 50, retryMs: [1, 4] as const, ...times };
  return new Cases(
    context,
    memory,
    async () => libvirt,
    () => 'LIFECYCLE/STOPPED_FAILED',
    fast,
  );
}

const received = (): string[] =>
  bodies.map(({ notification }) =>
    notification.type === 'VM' ? `${notification.payload.event}/${notification.payload.vir_domain_event}` : '',
  );
const onDisk = (): KnownDomain => JSON.parse(readFileSync(path, 'utf8')).domains[UUID];

test('a death is reported in the format of Masakari, and stored after that', async () => {
  const cases = casesWith();
  const at = Date.UTC(2026, 10, 21, 8, 5, 44, 646);
  deliver = async () => expect(onDisk()).toEqual(RUNNING);
  cases.open(killed({ at }));
  await cases.ended();
  expect(bodies).toEqual([
    {
      notification: {
        type: 'VM',
        hostname: 'compute1',
        generated_time: '2026-11-21T08:05:44.646000',
        payload: { event: 'LIFECYCLE', instance_uuid: UUID, vir_domain_event: 'STOPPED_FAILED' },
      },
    },
  ]);
  await memory.save();
  expect(onDisk()).toMatchObject({ life: 7, power: 'off', reported: ['killed'] });
});

test('a report is retried until the outbox stores it', async () => {
  const cases = casesWith();
  let tries = 0;
  deliver = async () => {
    tries += 1;
    if (tries < 4) throw new Error('disk full');
  };
  cases.open(killed());
  await cases.ended();
  expect([tries, bodies.length]).toEqual([4, 1]);
});

test('if the monitor ends before a report is durable, nothing of the failure is stored', async () => {
  const cases = casesWith();
  deliver = async () => {
    end.abort();
    throw new Error('outbox closed');
  };
  cases.open(killed());
  await cases.ended();
  await memory.save();
  expect(onDisk()).toEqual(RUNNING);
});

test('without libvirt a death is still reported, and a stopped guest waits for the next listing', async () => {
  libvirt = 'lost';
  const cases = casesWith();
  cases.open(killed({ kind: 'io-error', recovers: 'maybe' }));
  await cases.ended();
  expect([received(), memory.get(UUID)]).toEqual([[], RUNNING]);
  cases.open(killed());
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('a panic after which libvirt restarts the guest is not reported, by event or by query', async () => {
  const cases = casesWith({ recoverMs: 60_000 });
  cases.open(killed({ kind: 'panicked', recovers: 'maybe' }));
  cases.receive(DOMAIN, { outcome: 'running', life: 7 });
  await cases.ended();
  libvirt = { state: 1, reason: 9 };
  const querying = casesWith();
  querying.open(killed({ kind: 'panicked', recovers: 'maybe' }));
  await querying.ended();
  expect(received()).toEqual([]);
  expect(memory.get(UUID)?.power).toBe('on');
});

test('a panic and the stop by libvirt are one report, which is sent at once', async () => {
  const cases = casesWith({ recoverMs: 3_600_000 });
  cases.open(killed({ kind: 'panicked', recovers: 'maybe' }));
  cases.open(killed({ kind: 'panicked' }));
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
  expect(memory.get(UUID)).toMatchObject({ power: 'off', reported: ['panicked'] });
});

test('a panic is not reported if a user stops the guest in the meantime', async () => {
  const cases = casesWith({ recoverMs: 3_600_000 });
  cases.open(killed({ kind: 'panicked', recovers: 'maybe' }));
  cases.receive(DOMAIN, { outcome: 'off' });
  await cases.ended();
  expect([received(), memory.get(UUID)?.power]).toEqual([[], 'off']);
});

test('a guest in state crashed is reported and counts as on', async () => {
  libvirt = CRASHED;
  const cases = casesWith();
  cases.open(killed({ kind: 'panicked', recovers: 'maybe' }));
  await cases.ended();
  expect(memory.get(UUID)).toMatchObject({ power: 'on', reported: ['panicked'] });
});

test('a death replaces the failure of a stopped guest', async () => {
  const cases = casesWith({ recoverMs: 3_600_000 });
  cases.open(killed({ kind: 'watchdog', recovers: 'maybe' }));
  cases.open(killed());
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('an instance that is started and dies again while its first death is being reported is reported twice', async () => {
  const cases = casesWith();
  const { promise: isThere, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>();
  deliver = () => {
    arrive();
    return mayGo;
  };
  cases.open(killed());
  await isThere;
  cases.receive({ ...DOMAIN, id: 8 }, { outcome: 'running', life: 8 });
  // Its event has no id of its own, and the stored life is still the first one.
  cases.open(killed({ life: 7 }));
  go();
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED', 'LIFECYCLE/STOPPED_FAILED']);
  expect(memory.get(UUID)).toMatchObject({ life: 8, power: 'off', reported: ['killed'] });
});

test('an instance that runs again while its death is being reported is stored as running', async () => {
  const cases = casesWith();
  deliver = async () => cases.receive({ ...DOMAIN, id: 8 }, { outcome: 'running', life: 8 });
  cases.open(killed());
  await cases.ended();
  expect(memory.get(UUID)).toMatchObject({ life: 8, power: 'on', reported: [] });
});

test('a failure that Nova does not confirm is not reported, and not queried again in this life', async () => {
  nova = async () => ({ ...ACTIVE, host: 'compute2' });
  const cases = casesWith();
  cases.open(killed());
  await cases.ended();
  expect([received(), memory.get(UUID)]).toMatchObject([[], { power: 'off', reported: ['killed'] }]);
});

test('an unexplained end waits for Nova, and is a failure if Nova has the instance active', async () => {
  let requested = 0;
  nova = async () => {
    requested += 1;
    return requested < 3 ? undefined : ACTIVE;
  };
  const cases = casesWith({ uncertainMs: 3_600_000 });
  cases.open(killed({ kind: 'unexplained', certainty: 'uncertain' }));
  await cases.ended();
  expect([requested, received()]).toEqual([3, ['LIFECYCLE/STOPPED_FAILED']]);
});

test('an unexplained end is reported as such if Nova cannot be queried in time', async () => {
  nova = async () => undefined;
  const cases = casesWith();
  cases.open(killed({ kind: 'killed', certainty: 'uncertain' }));
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_UNKNOWN']);
});

test('without a response of Nova a certain failure is delayed no longer than the limit', async () => {
  nova = () => new Promise(() => {});
  const cases = casesWith({ queryMs: 10 });
  cases.open(killed());
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('of 200 failures at once at most 16 query Nova at the same time, and all are reported', async () => {
  let [now, most] = [0, 0];
  nova = async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    return ACTIVE;
  };
  const cases = casesWith();
  for (let n = 0; n < 200; n += 1) {
    const uuid = `22222222-0000-4000-8000-${String(n).padStart(12, '0')}`;
    cases.open(killed({ domain: { name: `instance-${n}`, uuid, id: n } }));
  }
  await cases.ended();
  expect([bodies.length, most]).toEqual([200, 16]);
});

test('a death while Nova evacuates the instance waits, and is no failure once Nova has it on another host', async () => {
  const answers: InstanceFacts[] = [
    { ...ACTIVE, taskState: 'rebuilding' },
    { ...ACTIVE, taskState: 'rebuild_spawning' },
    { ...ACTIVE, host: 'compute2' },
  ];
  nova = async () => answers.shift();
  const cases = casesWith({ uncertainMs: 3_600_000 });
  cases.open(killed());
  await cases.ended();
  expect([received(), answers]).toEqual([[], []]);
});

test('a death while Nova starts the instance is reported if Nova does not finish in time', async () => {
  nova = async () => ({ ...ACTIVE, taskState: 'powering-on' });
  const cases = casesWith();
  cases.open(killed());
  await cases.ended();
  expect(received()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});
