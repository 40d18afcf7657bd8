import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LOCAL_CALLER } from '#protocol/caller.ts';
import type { Origin } from '#protocol/origin.ts';
import { notification, Place } from '#test/journal/place.ts';
import type { AddAuditEntry, Mutation } from './mutations.ts';
import { QUERIES } from './queries.ts';

const ANNA: Origin = {
  caller: LOCAL_CALLER,
  user: { uid: 0, user: 'root', sudo_uid: 1000, sudo_user: 'anna' },
  reason: 'the power supply burnt',
};
const C7: Origin = {
  caller: { identity: 'compute-7', host: null, roles: ['host'], address: '10.0.0.7' },
  user: null,
  reason: null,
};

function entry(other: Partial<AddAuditEntry> = {}): AddAuditEntry {
  return { op: 'audit', kind: 'command', action: 'retry', origin: ANNA, outcome: 'accepted', at: 1_000, ...other };
}

function refusal(other: Partial<AddAuditEntry> = {}): AddAuditEntry {
  return entry({
    kind: 'refusal',
    action: 'notify',
    origin: C7,
    outcome: 'refused',
    message: 'not its host',
    ...other,
  });
}

describe('an accepted report', () => {
  test('has its entry, with its origin', () => {
    using place = new Place();
    const { db, writer } = place.term();
    writer.commit([[notification({ uuid: 'report-1', origin: C7 })]]);
    expect(QUERIES.show(db, 'report-1')?.audit).toMatchObject([
      {
        kind: 'report',
        action: 'notify',
        identity: 'compute-7',
        roles: '["host"]',
        address: '10.0.0.7',
        uid: null,
        notification: 'report-1',
        object: 'compute-1',
        outcome: 'accepted',
        message: 'COMPUTE_HOST STOPPED',
        times: 1,
        epoch: 1,
      },
    ]);
  });

  test('of the engine itself is the engine’s', () => {
    using place = new Place();
    const { db, writer } = place.term();
    writer.commit([[notification()]]);
    expect(QUERIES.audit(db, { limit: 1 })).toMatchObject([{ identity: 'engine', roles: '[]', address: null }]);
  });

  test('that repeats another one is an entry about that one; one that is ignored has the reason', () => {
    using place = new Place();
    const { db, writer } = place.term();
    const ignored = { status: 'ignored', message: 'disabled segment', host: 'c2', target: 'host:c2' } as const;
    writer.commit([
      [notification({ uuid: 'first' })],
      [notification({ uuid: 'again', generatedAt: 2_000 })],
      [notification({ uuid: 'ignored', ...ignored })],
    ]);
    expect(QUERIES.audit(db, { limit: 9 })).toMatchObject([
      { notification: 'first', outcome: 'accepted' },
      { notification: 'first', outcome: 'duplicate' },
      { notification: 'ignored', outcome: 'ignored', message: 'COMPUTE_HOST STOPPED: disabled segment' },
    ]);
  });

  test('costs no additional commit', () => {
    using place = new Place();
    const { writer } = place.term();
    writer.commit([[notification({ origin: C7 })], [entry()], [refusal()]]);
    expect(writer.commits).toBe(1);
  });
});

test('a command has no entry without its change, and no change without its entry', () => {
  using place = new Place();
  const { db, writer } = place.term();
  const uuid = randomUUID();
  writer.commit([[notification({ uuid })]]);
  const forbidden: Mutation = { op: 'logbook', uuid, status: 'finished', from: 'error', at: 1 };
  const host: Mutation = { op: 'host', name: 'c1', reserved: 1, by: 'operator', at: 1 };
  const wrong = refusal({ outcome: 'accepted' });
  const { outcomes } = writer.commit([
    [entry(), forbidden],
    [host, wrong],
  ]);
  expect(outcomes).toMatchObject([{ ok: false }, { ok: false }]);
  expect(QUERIES.audit(db, { limit: 9 }).map(({ kind }) => kind)).toEqual(['report']);
  expect(QUERIES.hosts(db)).toEqual([]);
});

test('an entry keeps who, what was overridden and why; long texts are cut', () => {
  using place = new Place();
  const { db, writer } = place.term();
  const long = { ...ANNA, reason: 'x'.repeat(2_000) };
  writer.commit([
    [
      entry({ notification: 'n', object: 'c1', overridden: ['host-is-down'] }),
      entry({ origin: long, action: 'y'.repeat(2_000) }),
    ],
  ]);
  const [first, second] = QUERIES.audit(db, { limit: 9 });
  expect(first).toMatchObject({
    identity: 'local',
    roles: '["host","watcher","operator"]',
    address: null,
    uid: 0,
    user: 'root',
    sudo_uid: 1000,
    sudo_user: 'anna',
    overridden: '["host-is-down"]',
    reason: 'the power supply burnt',
  });
  expect([second?.reason?.length, second?.action.length]).toEqual([1_000, 1_000]);
});

test('entries are listed by time, the newest last, up to a limit', () => {
  using place = new Place();
  const { db, writer } = place.term();
  writer.commit([[5, 1, 4, 2, 3].map((at) => entry({ at }))]);
  expect(QUERIES.audit(db, { limit: 3 }).map(({ at }) => at)).toEqual([3, 4, 5]);
  expect(QUERIES.audit(db, { limit: 9, since: 4 }).map(({ at }) => at)).toEqual([4, 5]);
});

describe('the file', () => {
  test.each([
    ['a change of an entry', "UPDATE audit SET identity = 'another user'", 'the audit is append-only'],
    ['its replacement', 'REPLACE INTO audit SELECT * FROM audit WHERE id = 3', /contiguous|append-only/],
    ['a removal from the middle', 'DELETE FROM audit WHERE id = 2', 'from its oldest entry on'],
    [
      'a gap',
      'INSERT INTO audit SELECT 9, 9, at, kind, action, identity, roles, address, uid, user, sudo_uid, sudo_user, notification, object, overridden, reason, outcome, message, times, first_at, epoch, served_ms FROM audit WHERE id = 1',
      'contiguous',
    ],
  ])('refuses %s', (_, sql, message) => {
    using place = new Place();
    const { db, writer } = place.term();
    writer.commit([[entry(), entry(), entry()]]);
    expect(() => db.prepare(sql).run()).toThrow(message);
    expect(QUERIES.audit(db, { limit: 9 })).toHaveLength(3);
  });
});

describe('the bound', () => {
  test('holds for each kind after any history, and the newest stay', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (history) => {
        using place = new Place();
        const { db, writer } = place.term(undefined, { auditCount: 5 });
        for (const [at, isRefusal] of history.entries()) writer.commit([[isRefusal ? refusal({ at }) : entry({ at })]]);
        const kept = QUERIES.audit(db, { limit: 1_000 });
        for (const isRefusal of [true, false]) {
          const newest = [...history.entries()].filter(([, one]) => one === isRefusal).map(([at]) => at);
          const times = kept.filter(({ kind }) => (kind === 'refusal') === isRefusal).map(({ at }) => at);
          expect(times).toEqual(newest.slice(-5));
        }
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  test('that was lowered is reached by pruning, in batches', () => {
    using place = new Place();
    const { db, writer, heldAt } = place.term();
    writer.commit([Array.from({ length: 700 }, (_, at) => entry({ at }))]);
    const limits = { retentionMs: 0, maxClosed: 0, auditCount: 10 };
    const rounds: number[] = [];
    for (let more = true; more; ) {
      more = writer.prune(limits, heldAt).result.more;
      rounds.push(QUERIES.audit(db, { limit: 1_000 }).length);
    }
    expect(rounds).toEqual([450, 200, 10]);
    expect(writer.prune(limits, heldAt).confirmedAt).toBeUndefined();
  });
});

test('entries age in the time that engines hold the lease, with any jump of the wall clock', () => {
  using place = new Place();
  const clock = { wall: 1e12, boot: 1_000, now: () => clock.wall, boottime: () => clock.boot };
  const { db, writer, heldAt } = place.term(clock);
  const limits = { retentionMs: 0, maxClosed: 0, auditMs: 10_000 };
  writer.commit([[entry({ at: 1 })]]);
  clock.wall += 1e10;
  writer.renewLease();
  writer.prune(limits, heldAt);
  expect(QUERIES.audit(db, { limit: 9 })).toHaveLength(1);
  for (let beats = 0; beats < 3; beats += 1) {
    clock.boot += 4_000;
    writer.renewLease();
  }
  writer.commit([[entry({ at: 2 })]]);
  writer.prune(limits, heldAt);
  expect(QUERIES.audit(db, { limit: 9 }).map(({ at }) => at)).toEqual([2]);
});
