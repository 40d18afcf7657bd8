import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NotificationBody } from '#protocol/notification.ts';
import type { DomainState } from '../libvirt/domains.ts';
import type { InstanceFacts } from '../monitor.ts';
import { CASE_TIMES } from './case-times.ts';
import { Cases } from './cases.ts';
import type { Failure } from './failure.ts';
import type { KnownDomain } from './known-domain.ts';
import { Memory } from './memory.ts';

const UUID = '11111111-0000-4000-8000-000000000001';
const DOMAIN = { name: 'instance-00000001', uuid: UUID, id: 7 };
const RUNNING: KnownDomain = { name: DOMAIN.name, life: 7, power: 'on', at: 0, reported: [] };
const ACTIVE: InstanceFacts = { status: 'found', host: 'compute1', vmState: 'active', taskState: null };
const SHUTOFF: DomainState = { state: 5, reason: 3 };
const CRASHED: DomainState = { state: 6, reason: 1 };

const killed = (changes: Partial<Failure> = {}): Failure => ({
  ...{ domain: DOMAIN, kind: 'killed', life: 7, at: Date.now(), certainty: 'certain', mends: 'never' },
  ...changes,
});

let directory: string;
let path: string;
let memory: Memory;
let end: AbortController;
let bodies: NotificationBody[];
/** What libvirt and Nova say, and what happens when a report is made. */
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
    askInstance: () => nova(),
    seen: () => {},
    blind: () => {},
  };
  const fast = { ...CASE_TIMES, mendMs: 20, askAgainMs: 5, uncertainMs: 50, retryMs: [1, 4] as const, ...times };
  return new Cases(
    context,
    memory,
    async () => libvirt,
    () => 'LIFECYCLE/STOPPED_FAILED',
    fast,
  );
}

const told = (): string[] =>
  bodies.map(({ notification }) =>
    notification.type === 'VM' ? `${notification.payload.event}/${notification.payload.vir_domain_event}` : '',
  );
const onDisk = (): KnownDomain => JSON.parse(readFileSync(path, 'utf8')).domains[UUID];

test('a death is reported in the words of Masakari, and remembered after that', async () => {
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

test('an outbox that refuses is tried until it takes the report', async () => {
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

test('when the monitor ends before a report is durable nothing is remembered of the failure', async () => {
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

test('without libvirt a death stays one, and what stands still is left to the next listing', async () => {
  libvirt = 'lost';
  const cases = casesWith();
  cases.open(killed({ kind: 'io-error', mends: 'maybe' }));
  await cases.ended();
  expect([told(), memory.get(UUID)]).toEqual([[], RUNNING]);
  cases.open(killed());
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('a panic that libvirt mends is not reported; told by an event, or found when asked', async () => {
  const cases = casesWith({ mendMs: 60_000 });
  cases.open(killed({ kind: 'panicked', mends: 'maybe' }));
  cases.hear(DOMAIN, { verdict: 'running', life: 7 });
  await cases.ended();
  libvirt = { state: 1, reason: 9 };
  const asking = casesWith();
  asking.open(killed({ kind: 'panicked', mends: 'maybe' }));
  await asking.ended();
  expect(told()).toEqual([]);
  expect(memory.get(UUID)?.power).toBe('on');
});

test('a panic and the end that libvirt puts to it are one report, which waits no longer', async () => {
  const cases = casesWith({ mendMs: 3_600_000 });
  cases.open(killed({ kind: 'panicked', mends: 'maybe' }));
  cases.open(killed({ kind: 'panicked' }));
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
  expect(memory.get(UUID)).toMatchObject({ power: 'off', reported: ['panicked'] });
});

test('a panic that somebody ends in order meanwhile is not reported', async () => {
  const cases = casesWith({ mendMs: 3_600_000 });
  cases.open(killed({ kind: 'panicked', mends: 'maybe' }));
  cases.hear(DOMAIN, { verdict: 'off' });
  await cases.ended();
  expect([told(), memory.get(UUID)?.power]).toEqual([[], 'off']);
});

test('a guest that stands crashed is reported and counts as on', async () => {
  libvirt = CRASHED;
  const cases = casesWith();
  cases.open(killed({ kind: 'panicked', mends: 'maybe' }));
  await cases.ended();
  expect(memory.get(UUID)).toMatchObject({ power: 'on', reported: ['panicked'] });
});

test('a death takes the place of what only stood still', async () => {
  const cases = casesWith({ mendMs: 3_600_000 });
  cases.open(killed({ kind: 'watchdog', mends: 'maybe' }));
  cases.open(killed());
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('an instance that is started and dies again while its first death is on its way is reported twice', async () => {
  const cases = casesWith();
  const { promise: isThere, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>();
  deliver = () => {
    arrive();
    return mayGo;
  };
  cases.open(killed());
  await isThere;
  cases.hear({ ...DOMAIN, id: 8 }, { verdict: 'running', life: 8 });
  // Its event has no id of its own, and what is remembered is still the first life.
  cases.open(killed({ life: 7 }));
  go();
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED', 'LIFECYCLE/STOPPED_FAILED']);
  expect(memory.get(UUID)).toMatchObject({ life: 8, power: 'off', reported: ['killed'] });
});

test('an instance that runs again while its death is on its way is remembered as running', async () => {
  const cases = casesWith();
  deliver = async () => cases.hear({ ...DOMAIN, id: 8 }, { verdict: 'running', life: 8 });
  cases.open(killed());
  await cases.ended();
  expect(memory.get(UUID)).toMatchObject({ life: 8, power: 'on', reported: [] });
});

test('what Nova does not bear out is not reported, and not asked about again in this life', async () => {
  nova = async () => ({ ...ACTIVE, host: 'compute2' });
  const cases = casesWith();
  cases.open(killed());
  await cases.ended();
  expect([told(), memory.get(UUID)]).toMatchObject([[], { power: 'off', reported: ['killed'] }]);
});

test('an end that nobody explains waits for Nova, and is one when Nova has it active', async () => {
  let asked = 0;
  nova = async () => {
    asked += 1;
    return asked < 3 ? undefined : ACTIVE;
  };
  const cases = casesWith({ uncertainMs: 3_600_000 });
  cases.open(killed({ kind: 'unexplained', certainty: 'uncertain' }));
  await cases.ended();
  expect([asked, told()]).toEqual([3, ['LIFECYCLE/STOPPED_FAILED']]);
});

test('an end that nobody explains is told as such when Nova cannot be asked in time', async () => {
  nova = async () => undefined;
  const cases = casesWith();
  cases.open(killed({ kind: 'killed', certainty: 'uncertain' }));
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_UNKNOWN']);
});

test('a Nova that never answers holds up a certain failure no longer than allowed', async () => {
  nova = () => new Promise(() => {});
  const cases = casesWith({ askMs: 10 });
  cases.open(killed());
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});

test('of 200 failures at once no more than 16 ask Nova at the same time, and all are reported', async () => {
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

test('a death while Nova evacuates the instance waits, and is none once Nova has it elsewhere', async () => {
  const answers: InstanceFacts[] = [
    { ...ACTIVE, taskState: 'rebuilding' },
    { ...ACTIVE, taskState: 'rebuild_spawning' },
    { ...ACTIVE, host: 'compute2' },
  ];
  nova = async () => answers.shift();
  const cases = casesWith({ uncertainMs: 3_600_000 });
  cases.open(killed());
  await cases.ended();
  expect([told(), answers]).toEqual([[], []]);
});

test('a death while Nova starts the instance is reported when Nova does not come to an end with it', async () => {
  nova = async () => ({ ...ACTIVE, taskState: 'powering-on' });
  const cases = casesWith();
  cases.open(killed());
  await cases.ended();
  expect(told()).toEqual(['LIFECYCLE/STOPPED_FAILED']);
});
