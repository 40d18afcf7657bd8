import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { flowOf, line, notification, Place } from '#test/journal/place.ts';
import { Journal } from './journal.ts';
import type { AcceptNotification, AcceptResult, FlowSnapshot, Mutation } from './mutations.ts';
import { ALWAYS_KEPT } from './prune-decision.ts';
import { BATCH } from './pruning.ts';
import { QUERIES } from './queries.ts';
import type { LogbookStatus, StepRow, StepState } from './rows.ts';
import type { JournalWriter, WriterClock } from './writer.ts';

const DAY = 86_400_000;
const LIMITS = { retentionMs: 90 * DAY, maxClosed: 0 };

/** A clock that stops until it is moved: wall clock and CLOCK_BOOTTIME separately. */
class HandClock implements WriterClock {
  wall = 20_000 * DAY;
  boot = 1_000;
  readonly now = (): number => this.wall;
  readonly boottime = (): number => this.boot;

  pass(ms: number): void {
    this.wall += ms;
    this.boot += ms;
  }
}

/** A journal, its clock, and what happens in it. */
class Chronicle implements Disposable {
  readonly #place = new Place();
  readonly clock = new HandClock();
  readonly db: Database.Database;
  readonly writer: JournalWriter;
  readonly #heldAt: number;
  #n = 0;

  constructor() {
    const { db, writer, heldAt } = this.#place.term(this.clock);
    this.db = db;
    this.writer = writer;
    this.#heldAt = heldAt;
    // No power is cut here.
    db.pragma('synchronous = OFF');
  }

  report(...mutations: Mutation[]): readonly unknown[] {
    const [outcome] = this.writer.commit([mutations]).outcomes;
    if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
    return outcome.results;
  }

  responds(other: Partial<AcceptNotification> & { readonly event?: string } = {}): string {
    this.#n += 1;
    const { event = 'STOPPED', host = 'compute-1', ...rest } = other;
    const uuid = `report-${this.#n}`;
    const payload = JSON.stringify({ event, n: this.#n });
    const at = this.clock.wall;
    const [accepted] = this.report(
      notification({
        uuid,
        host,
        target: `host:${host}`,
        payload,
        generatedAt: at,
        at,
        duplicateIntervalMs: 0,
        ...rest,
      }),
    ) as [AcceptResult];
    // A report without news is the earlier one.
    return accepted.logbook.uuid;
  }

  /** A flow with steps, each in its state. */
  attempt(uuid: string, kind: string, steps: Readonly<Record<string, StepState>>, host = 'compute-1'): FlowSnapshot {
    const at = this.clock.wall;
    const [flow] = this.report(flowOf(uuid, { target: `host:${host}`, at })) as [FlowSnapshot];
    const planned = Object.keys(steps).map((object) => ({ key: `${kind}:${object}`, kind, object, before: 'active' }));
    const [rows] = this.report({ op: 'plan_steps', atomId: flow.atoms[0]?.id ?? 0, steps: planned }) as [StepRow[]];
    for (const [index, state] of Object.values(steps).entries()) {
      const stepId = rows[index]?.id ?? 0;
      if (state === 'unknown') this.report({ op: 'step', stepId, state: 'intent', at });
      if (state !== 'planned') this.report({ op: 'step', stepId, state, at });
    }
    this.report(line(flow, 'a line'), { op: 'close_flow', flowId: flow.flow.id, state: 'SUCCESS', error: null, at });
    return flow;
  }

  ends(uuid: string, status: LogbookStatus): void {
    this.report({ op: 'logbook', uuid, status, at: this.clock.wall });
  }

  recovered(host = 'compute-1', status: LogbookStatus = 'finished'): string {
    const uuid = this.responds({ host });
    this.attempt(uuid, 'disable', { [host]: 'done' }, host);
    this.ends(uuid, status);
    return uuid;
  }

  /** This number of reports of other hosts that are not needed later. */
  fill(count: number): void {
    const at = this.clock.wall;
    this.report(
      ...Array.from({ length: count }, () =>
        notification({
          uuid: randomUUID(),
          type: 'VM',
          host: 'compute-99',
          target: `instance:${randomUUID()}`,
          payload: JSON.stringify({ n: ++this.#n }),
          generatedAt: at,
          status: 'ignored',
          at,
        }),
      ),
    );
  }

  /** Engines hold the lease for so long. */
  serves(days: number): void {
    this.writer.renewLease();
    this.clock.pass(days * DAY);
    this.writer.renewLease();
  }

  /** Unfinished recoveries of a host and the newest return: what decisions are made about. */
  ofHost(host: string): readonly { readonly id: number; readonly isDecided: boolean }[] {
    return this.db
      .prepare<[string, string], { id: number; decided: 0 | 1 }>(
        `SELECT id, closed_at IS NOT NULL AND follow_ups = 0 AS decided FROM logbooks
         WHERE host = ? AND type = 'COMPUTE_HOST' AND (closed_at IS NULL OR follow_ups > 0 OR id =
           (SELECT max(id) FROM logbooks WHERE host = ? AND type = 'COMPUTE_HOST' AND payload ->> 'event' = 'STARTED'))`,
      )
      .all(host, host)
      .map(({ id, decided }) => ({ id, isDecided: decided === 1 }));
  }

  /** Batches until nothing more is found. */
  prune(limits = LIMITS): number {
    let removed = 0;
    for (let batch = 0; batch < 1_000; batch += 1) {
      const { result } = this.writer.prune(limits, this.#heldAt);
      removed += result.removed;
      if (!result.more) return removed;
    }
    throw new Error('no end');
  }

  has(uuid: string): boolean {
    return QUERIES.logbook(this.db, uuid) !== null;
  }

  [Symbol.dispose](): void {
    this.#place[Symbol.dispose]();
  }
}

/** A chronicle in which `act` happened long ago, with as many reports since as always stay. */
function longAfter<T>(chronicle: Chronicle, act: () => T): T {
  const result = act();
  chronicle.serves(91);
  chronicle.fill(ALWAYS_KEPT);
  return result;
}

describe('what is old is removed', () => {
  test('with its flows, tasks, steps and events, and the counters follow', () => {
    using chronicle = new Chronicle();
    const [first, second] = longAfter(chronicle, () => [chronicle.recovered(), chronicle.recovered()]);
    chronicle.recovered();
    expect(chronicle.prune()).toBe(2);
    expect([chronicle.has(first ?? ''), chronicle.has(second ?? '')]).toEqual([false, false]);
    for (const table of ['flowdetails', 'atomdetails', 'steps', 'events']) {
      expect(chronicle.db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), table).toBe(1);
    }
    expect(QUERIES.summary(chronicle.db).counts).toEqual({ finished: 1, ignored: ALWAYS_KEPT });
    expect(chronicle.db.pragma('foreign_key_check')).toEqual([]);
  });

  test('not before its time, and never with a retention of 0', () => {
    using chronicle = new Chronicle();
    chronicle.recovered();
    chronicle.recovered();
    chronicle.serves(89);
    chronicle.fill(ALWAYS_KEPT);
    expect(chronicle.prune()).toBe(0);
    chronicle.serves(2);
    expect(chronicle.prune({ retentionMs: 0, maxClosed: 0 })).toBe(0);
    expect(chronicle.prune()).toBe(1);
  });

  test('in small batches, each its own transaction', () => {
    using chronicle = new Chronicle();
    longAfter(chronicle, () => chronicle.fill(2 * BATCH + 3));
    const before = chronicle.writer.commits;
    const removed = [0, 1, 2, 3].map(() => chronicle.writer.prune(LIMITS, chronicle.clock.wall).result);
    expect(removed).toEqual([
      { removed: BATCH, more: true },
      { removed: BATCH, more: true },
      { removed: 3, more: false },
      { removed: 0, more: false },
    ]);
    expect(chronicle.writer.commits - before).toBe(3);
  });

  test('piece by piece when one recovery has more rows than a batch may hold', () => {
    using chronicle = new Chronicle();
    const big = longAfter(chronicle, () => {
      const uuid = chronicle.responds();
      const [flow] = chronicle.report(flowOf(uuid)) as [FlowSnapshot];
      chronicle.report(...Array.from({ length: 4_500 }, (_, n) => line(flow, `line ${n}`)));
      chronicle.report({ op: 'close_flow', flowId: flow.flow.id, state: 'SUCCESS', error: null, at: 1 });
      chronicle.ends(uuid, 'finished');
      chronicle.recovered();
      return uuid;
    });
    const batches: number[] = [];
    while (chronicle.has(big)) {
      batches.push(chronicle.writer.prune(LIMITS, chronicle.clock.wall).result.removed);
      if (batches.length > 10) break;
    }
    expect(batches).toEqual([0, 0, 1]);
  });

  test('down to the limit by count, the oldest first, at any age', () => {
    using chronicle = new Chronicle();
    const uuids = [1, 2, 3, 4].map(() => chronicle.recovered());
    chronicle.fill(ALWAYS_KEPT);
    expect(chronicle.prune({ retentionMs: 0, maxClosed: ALWAYS_KEPT + 2 })).toBe(2);
    expect(uuids.map((uuid) => chronicle.has(uuid))).toEqual([false, false, true, true]);
  });

  test('but the newest reports stay with any limits', () => {
    using chronicle = new Chronicle();
    chronicle.fill(ALWAYS_KEPT + 5);
    chronicle.serves(400);
    expect(chronicle.prune({ retentionMs: 1, maxClosed: 1 })).toBe(5);
    expect(QUERIES.summary(chronicle.db).counts).toEqual({ ignored: ALWAYS_KEPT });
  });
});

describe('the age does not come from a wall clock', () => {
  test.each([
    ['ahead by a day', DAY],
    ['ahead by ten years', 3_650 * DAY],
    ['back by a day', -DAY],
    ['back by ten years', -3_650 * DAY],
  ])('that jumps %s', (_, jump) => {
    using chronicle = new Chronicle();
    chronicle.recovered();
    chronicle.recovered();
    chronicle.clock.wall += jump;
    chronicle.recovered();
    chronicle.fill(ALWAYS_KEPT);
    chronicle.writer.renewLease();
    expect(chronicle.prune()).toBe(0);
    chronicle.serves(91);
    expect(chronicle.prune()).toBe(2);
  });

  test('nor from the time in which no engine ran', () => {
    using chronicle = new Chronicle();
    chronicle.recovered();
    chronicle.recovered();
    chronicle.fill(ALWAYS_KEPT);
    const { served_ms } = QUERIES.summary(chronicle.db).lease ?? {};
    chronicle.clock.wall += 400 * DAY;
    expect(chronicle.prune()).toBe(0);
    expect(QUERIES.summary(chronicle.db).lease?.served_ms).toBe(served_ms);
  });

  test('a recovery that is taken up again and closed once more begins a new age', () => {
    using chronicle = new Chronicle();
    const uuid = longAfter(chronicle, () => {
      const failed = chronicle.recovered('compute-1', 'failed');
      chronicle.recovered();
      chronicle.recovered();
      return failed;
    });
    chronicle.ends(uuid, 'new');
    chronicle.ends(uuid, 'failed');
    chronicle.prune();
    expect(chronicle.has(uuid)).toBe(true);
    chronicle.serves(91);
    chronicle.prune();
    expect(chronicle.has(uuid)).toBe(false);
  });
});

describe('what is needed later stays:', () => {
  const EVERYTHING = { retentionMs: 1, maxClosed: 1 };

  test('an open recovery, however old', () => {
    using chronicle = new Chronicle();
    const [fresh, running] = longAfter(chronicle, () => {
      const one = chronicle.responds({ host: 'compute-2' });
      const other = chronicle.responds({ host: 'compute-3' });
      chronicle.report(flowOf(other, { target: 'host:compute-3' }));
      return [one, other];
    });
    chronicle.prune(EVERYTHING);
    expect([chronicle.has(fresh ?? ''), chronicle.has(running ?? '')]).toEqual([true, true]);
  });

  test('the recovery that an open one is parked by, until that ends', () => {
    using chronicle = new Chronicle();
    const [by, parked] = longAfter(chronicle, () => {
      const uuid = chronicle.recovered();
      chronicle.recovered();
      const waiting = chronicle.responds({ type: 'VM', target: 'instance:i' });
      const reason = 'the recovery of its host comes first';
      chronicle.report({ op: 'logbook', uuid: waiting, status: 'new', parked: { reason, by: uuid }, at: 1 });
      return [uuid, waiting];
    });
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(by ?? '')).toBe(true);
    chronicle.ends(parked ?? '', 'ignored');
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(by ?? '')).toBe(false);
  });

  test('a recovery with outstanding follow-ups of its host', () => {
    using chronicle = new Chronicle();
    const uuid = longAfter(chronicle, () => {
      const owing = chronicle.recovered();
      chronicle.report({ op: 'logbook', uuid: owing, status: 'finished', followUps: 1, at: 1 });
      chronicle.recovered();
      return owing;
    });
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(true);
    chronicle.report({ op: 'logbook', uuid, status: 'finished', followUps: 0, at: 1 });
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(false);
  });

  test('an evacuation of unknown outcome, for 30 days', () => {
    using chronicle = new Chronicle();
    const uuid = chronicle.responds();
    chronicle.attempt(uuid, 'evacuate', { i: 'unknown' });
    chronicle.ends(uuid, 'failed');
    chronicle.recovered();
    chronicle.recovered();
    const requested = { atomId: 0, host: 'compute-1' };
    const open = QUERIES.openEvacuations(chronicle.db, requested);
    expect(open).toHaveLength(1);
    chronicle.serves(29);
    chronicle.fill(ALWAYS_KEPT);
    chronicle.prune(EVERYTHING);
    expect(QUERIES.openEvacuations(chronicle.db, requested)).toEqual(open);
    chronicle.serves(2);
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(false);
  });

  test('a custom task in doubt', () => {
    using chronicle = new Chronicle();
    const uuid = longAfter(chronicle, () => {
      const inDoubt = chronicle.responds();
      chronicle.attempt(inDoubt, 'task', { webhook: 'unknown' });
      chronicle.ends(inDoubt, 'failed');
      chronicle.recovered();
      chronicle.recovered();
      return inDoubt;
    });
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(true);
  });

  test('the original states of instances, while their host has not recovered', () => {
    using chronicle = new Chronicle();
    const uuid = longAfter(chronicle, () => {
      const first = chronicle.responds();
      chronicle.attempt(first, 'evacuate', { i: 'failed', j: 'done' });
      chronicle.ends(first, 'failed');
      chronicle.recovered('compute-1', 'failed');
      return first;
    });
    const before = QUERIES.originals(chronicle.db, 'compute-1');
    expect(before.map(({ instance }) => instance)).toEqual(['i', 'j']);
    chronicle.prune(EVERYTHING);
    expect(QUERIES.originals(chronicle.db, 'compute-1')).toEqual(before);
    expect(chronicle.has(uuid)).toBe(true);
    // It recovered: nothing needs them.
    chronicle.recovered();
    chronicle.fill(ALWAYS_KEPT);
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(false);
    expect(QUERIES.originals(chronicle.db, 'compute-1')).toEqual([]);
  });

  test('of each host the newest finished recovery, return and report', () => {
    using chronicle = new Chronicle();
    const kept = longAfter(chronicle, () => {
      chronicle.recovered();
      const finished = chronicle.recovered();
      chronicle.responds({ event: 'STARTED', status: 'ignored' });
      const returned = chronicle.responds({ event: 'STARTED', status: 'ignored' });
      chronicle.recovered('compute-1', 'failed');
      const failed = chronicle.recovered('compute-1', 'failed');
      return [finished, returned, failed];
    });
    const newest = { host: 'compute-1', id: Number.MAX_SAFE_INTEGER };
    const before = QUERIES.failureBefore(chronicle.db, newest);
    chronicle.prune(EVERYTHING);
    expect(kept.map((uuid) => chronicle.has(uuid))).toEqual([true, true, true]);
    expect(QUERIES.failureBefore(chronicle.db, newest)).toEqual(before);
  });

  test('which instances are away from home, although the recoveries that moved them are gone', () => {
    using chronicle = new Chronicle();
    const uuid = longAfter(chronicle, () => {
      const moving = chronicle.responds();
      chronicle.attempt(moving, 'evacuate', { i: 'done', j: 'done' });
      chronicle.ends(moving, 'finished');
      chronicle.recovered();
      return moving;
    });
    const away = { flowId: 0, host: 'compute-1' };
    const before = QUERIES.movedAway(chronicle.db, away);
    expect(before.map(({ instance }) => instance)).toEqual(['i', 'j']);
    chronicle.prune(EVERYTHING);
    expect(chronicle.has(uuid)).toBe(false);
    expect(QUERIES.movedAway(chronicle.db, away)).toEqual(before);
    const back = chronicle.responds({ event: 'STARTED' });
    chronicle.attempt(back, 'live_migrate', { i: 'done' });
    expect(QUERIES.movedAway(chronicle.db, away).map(({ instance }) => instance)).toEqual(['j']);
  });

  test('evacuations that an operator declared abandoned', () => {
    using chronicle = new Chronicle();
    longAfter(chronicle, () => {
      chronicle.report({ op: 'abandon_evacuation', record: 'r', instance: 'i', by: 'operator', at: 1 });
      chronicle.recovered();
      chronicle.recovered();
    });
    chronicle.prune(EVERYTHING);
    expect(QUERIES.abandonedEvacuations(chronicle.db, 'i')).toEqual(['r']);
  });
});

test('after any history pruning changes no answer on which a decision about a host rests', () => {
  const act = fc.record({
    host: fc.constantFrom('compute-1', 'compute-2'),
    kind: fc.constantFrom('evacuate', 'live_migrate', 'task'),
    step: fc.constantFrom<StepState>('done', 'failed', 'skipped'),
    instance: fc.constantFrom('i', 'j', 'k'),
    end: fc.constantFrom<LogbookStatus>('finished', 'failed', 'ignored', 'running'),
    event: fc.constantFrom('STOPPED', 'STOPPED', 'STARTED'),
    owes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 25 }), (history) => {
      using chronicle = new Chronicle();
      const answers = () =>
        ['compute-1', 'compute-2'].map((host) => [
          QUERIES.originals(chronicle.db, host),
          QUERIES.movedAway(chronicle.db, { flowId: 0, host }),
          QUERIES.open(chronicle.db),
          QUERIES.owedFollowUps(chronicle.db),
          QUERIES.failureBefore(chronicle.db, { host, id: Number.MAX_SAFE_INTEGER }),
          // An unfinished recovery, and every remaining return, is decided by the reports before and after it.
          ...chronicle
            .ofHost(host)
            .map(({ id, isDecided }) => [
              id,
              isDecided ? null : QUERIES.returnsAfter(chronicle.db, { host, id }),
              QUERIES.failureBefore(chronicle.db, { host, id }),
            ]),
        ]);
      const known = new Set<string>();
      for (const { host, kind, step, instance, end, event, owes } of history) {
        const uuid = chronicle.responds({ host, event });
        if (known.has(uuid)) continue;
        known.add(uuid);
        chronicle.attempt(uuid, kind, { [instance]: step }, host);
        if (end !== 'running') chronicle.ends(uuid, end);
        if (owes && end === 'finished') chronicle.report({ op: 'logbook', uuid, status: end, followUps: 1, at: 1 });
        chronicle.clock.pass(1_000);
      }
      chronicle.serves(40);
      chronicle.fill(ALWAYS_KEPT);
      const before = answers();
      chronicle.prune({ retentionMs: 1, maxClosed: 1 });
      expect(answers()).toEqual(before);
      expect(chronicle.db.pragma('integrity_check', { simple: true })).toBe('ok');
    }),
    { numRuns: 15, seed: 9 },
  );
});

describe('a journal that is requested to prune', () => {
  test('does so after earlier requests, and returns the number of removed rows', async () => {
    using place = new Place();
    const clock = Object.assign(new HandClock(), { sleep: async () => {} });
    const journal = await Journal.openInline(place.settings(), clock);
    const written = Array.from({ length: ALWAYS_KEPT + 3 }, (_, n) => {
      const { op: _op, ...report } = notification({
        payload: `{"n":${n}}`,
        generatedAt: n,
        status: 'ignored',
        duplicateIntervalMs: 0,
      });
      return journal.accept({ ...report, target: `host:${n}` });
    });
    expect(await journal.prune({ retentionMs: 1, maxClosed: 0 })).toEqual({ removed: 3, more: false });
    await Promise.all(written);
    expect(await journal.prune({ retentionMs: 1, maxClosed: 0 })).toEqual({ removed: 0, more: false });
    await journal.close();
  });

  test('finds nothing and writes nothing after its lease is gone, and stops when there is something', async () => {
    using place = new Place();
    const first = place.term();
    const reports = Array.from({ length: ALWAYS_KEPT + 1 }, (_, n) =>
      notification({
        payload: `{"n":${n}}`,
        target: `host:${n}`,
        generatedAt: n,
        status: 'ignored',
        duplicateIntervalMs: 0,
      }),
    );
    first.writer.commit([reports]);
    place.term();
    expect(() => first.writer.prune({ retentionMs: 0, maxClosed: 1 }, 1)).toThrow(
      expect.objectContaining({ kind: 'lease_lost' }),
    );
    expect(place.hand().prepare('SELECT count(*) FROM logbooks').pluck().get()).toBe(ALWAYS_KEPT + 1);
  });

  test('loses to a killed engine nothing but whole batches', async () => {
    using place = new Place();
    await using child = new Child('./endless-pruner.ts', [place.path]);
    for (let batch = 0; batch < 3; batch += 1) await child.line();
    const acknowledged = 3 + (await child.kill()).length;
    const { db } = place.term();
    const left = Number(db.prepare('SELECT count(*) FROM logbooks').pluck().get());
    expect((left - ALWAYS_KEPT) % BATCH).toBe(0);
    expect(left).toBeLessThanOrEqual(ALWAYS_KEPT + 3_000 - BATCH * acknowledged);
    expect(QUERIES.summary(db).counts).toEqual({ ignored: left });
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });
});
