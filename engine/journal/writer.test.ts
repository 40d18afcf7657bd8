import type Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { line, notification, openFlow, Place, STANDING_CLOCK } from '#test/journal/place.ts';
import { ownMounts } from '#test/journal/requirements.ts';
import { onSmallDisk } from '#test/journal/small-disk.ts';
import { Journal } from './journal.ts';
import { readLease, takeLease } from './lease.ts';
import { LATE_COMMIT_MS } from './transaction.ts';
import type { WriterClock } from './writer.ts';

const RIVAL = { owner: 'rival', node: 'n2', pid: 7, bootId: 'elsewhere' };

function eventsIn(place: Place): string[] {
  return place.hand(5_000).prepare<[], string>('SELECT message FROM events ORDER BY id').pluck().all();
}

function stealLease(place: Place): void {
  const rival = place.hand();
  takeLease(rival, RIVAL, readLease(rival), 1);
  rival.close();
}

describe('a group commit', () => {
  test('of all requests of one turn of the loop is one COMMIT', async () => {
    using place = new Place();
    const clock = { ...STANDING_CLOCK, sleep: async () => {} };
    const journal = await Journal.openInline(place.settings(), clock);
    const hosts = Array.from({ length: 100 }, (_, n) => `compute-${n}`);
    const before = await journal.commits();
    const accepted = await Promise.all(hosts.map((host) => journal.accept(notification({ host, target: host }))));
    expect((await journal.commits()) - before).toBe(1);
    expect(accepted.map(({ logbook }) => logbook.host)).toEqual(hosts);
    await journal.close();
  });

  test('leaves out the request that breaks a rule, whole, and keeps the others', () => {
    using place = new Place();
    const { writer } = place.term();
    const flow = openFlow(writer);
    const atomId = flow.atoms[0]?.id ?? 0;
    const before = writer.commits;
    const { outcomes } = writer.commit([
      [line(flow, 'one')],
      [line(flow, 'half of it'), { op: 'atom', atomId, state: 'REVERTED', at: 2 }],
      [{ op: 'resume_flow', flowId: 4711 }],
      [line(flow, 'half too'), { ...line(flow, 'no number'), progress: Number.NaN }],
      // A value that cannot be bound or written as JSON is detected before SQLite is called: the fault of that request, too.
      [line(flow, 'and this'), { ...line(flow, ''), message: {} as string }],
      [{ op: 'plan_steps', atomId, steps: [{ key: 'k', kind: 'k', object: 'o', before: 1n }] }],
      [line(flow, 'two')],
    ]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, false, false, false, false, true]);
    const kinds = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error.kind]));
    expect(new Set(kinds)).toEqual(new Set(['constraint']));
    expect(outcomes[1]).toMatchObject({
      error: { message: expect.stringContaining('forbidden transition of atomdetails.state') },
    });
    expect(outcomes[2]).toMatchObject({ error: { message: expect.stringContaining('no such row') } });
    expect(writer.commits - before).toBe(1);
    expect(eventsIn(place)).toEqual(['one', 'two']);
  });

  test('in which every request breaks a rule writes nothing', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const before = [writer.commits, db.pragma('data_version', { simple: true }), readLease(db)];
    writer.commit([[{ op: 'resume_flow', flowId: 4711 }]]);
    expect([writer.commits, db.pragma('data_version', { simple: true }), readLease(db)]).toEqual(before);
    expect(db.inTransaction).toBe(false);
  });
});

describe('a lease that another engine took', () => {
  test('fences the writer out of everything, and nothing is written', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const flow = openFlow(writer);
    writer.commit([[line(flow, 'acknowledged')]]);
    stealLease(place);
    const acts = [
      () => writer.commit([[line(flow, 'too late')]]),
      () => writer.confirm(),
      () => writer.renewLease(),
      () => writer.release(),
    ];
    for (const act of acts) {
      expect(act).toThrow(
        expect.objectContaining({
          kind: 'lease_lost',
          message: 'the lease of epoch 1 is lost: epoch 2 is held by n2, pid 7',
        }),
      );
      expect(db.inTransaction).toBe(false);
    }
    expect(eventsIn(place)).toEqual(['acknowledged']);
    expect(readLease(db)).toMatchObject({ owner: 'rival', state: 'held', beat_at: 1 });
  });

  test('and released is lost, and so is a row that is gone', () => {
    using place = new Place();
    const { writer } = place.term();
    const hand = place.hand();
    hand.exec(`UPDATE lease SET state = 'released'`);
    expect(() => writer.confirm()).toThrow(expect.objectContaining({ kind: 'lease_lost' }));
    hand.exec('DROP TRIGGER lease_stays; DELETE FROM lease');
    expect(() => writer.confirm()).toThrow('the lease of epoch 1 is lost: the lease row is gone');
  });
});

describe('a COMMIT that took long', () => {
  /** A clock whose time passes between COMMIT and its next read; `meanwhile` happens in that time. */
  function freezing(place: Place, ms: number, meanwhile: () => void) {
    let isFrozen = false;
    let time = 1_000;
    const clock: WriterClock = {
      now: () => 1_000,
      boottime: () => {
        if (isFrozen && eventsIn(place).length === 1) {
          isFrozen = false;
          time += ms;
          meanwhile();
        }
        return time;
      },
    };
    const { writer } = place.term(clock);
    const flow = openFlow(writer);
    isFrozen = true;
    return { act: () => writer.commit([[line(flow, 'written')]]), now: () => time };
  }

  test('is not acknowledged when another engine took the lease meanwhile', () => {
    using place = new Place();
    const { act } = freezing(place, LATE_COMMIT_MS + 1, () => stealLease(place));
    expect(act).toThrow(expect.objectContaining({ kind: 'lease_lost' }));
    // It is in the file: what was lost is only the right to act on it.
    expect(eventsIn(place)).toEqual(['written']);
  });

  test('is acknowledged when the lease is still ours', () => {
    using place = new Place();
    const { act, now } = freezing(place, LATE_COMMIT_MS + 1, () => {});
    expect(act()).toMatchObject({ outcomes: [{ ok: true }], confirmedAt: now() });
  });

  test('within the bound is not checked again', () => {
    using place = new Place();
    const { act } = freezing(place, LATE_COMMIT_MS, () => stealLease(place));
    expect(act()).toMatchObject({ outcomes: [{ ok: true }] });
    expect(act).toThrow(expect.objectContaining({ kind: 'lease_lost' }));
  });
});

describe('an outcome that SQLite cannot determine ends the writer:', () => {
  test('a file that may not grow', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const flow = openFlow(writer);
    db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
    expect(() => writer.commit([[line(flow, 'small')], [line(flow, 'x'.repeat(100_000))]])).toThrow(
      expect.objectContaining({
        kind: 'unknown',
        message: expect.stringMatching(/SQLITE_FULL.*not known, so the engine stops/),
      }),
    );
    expect(db.inTransaction).toBe(false);
    expect(eventsIn(place)).toEqual([]);
  });

  const requirement = ownMounts('writer.test.ts, a real full disk');
  test.skipIf(requirement.isMissing)(`a disk found full at COMMIT${requirement.note}`, () => {
    const { logged, events, integrity } = onSmallDisk('full at COMMIT');
    expect(logged).toEqual([
      { kind: 'unknown', code: 'SQLITE_FULL', message: expect.stringMatching(/^COMMIT on the journal failed/) },
    ]);
    expect(events).toEqual(['acknowledged']);
    expect(integrity).toBe('ok');
  });

  test.skipIf(requirement.isMissing)(
    `the same under the thread: all waiting requests are rejected${requirement.note}`,
    () => {
      const { logged, events, integrity } = onSmallDisk('full under the thread');
      expect(logged.map(({ kind }) => kind)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
      expect(events).toEqual(['acknowledged']);
      expect(integrity).toBe('ok');
    },
  );
});

describe('a lock that another process holds', () => {
  test('is waited for', async () => {
    using place = new Place();
    const { writer } = place.term();
    await using holder = new Child('./lock-holder.ts', [place.path]);
    expect(await holder.line()).toBe('locked');
    // Both sit in one pipe: the writer blocks this thread, the kernel wakes the holder.
    holder.log('unlock');
    expect(openFlow(writer).flow.state).toBe('RUNNING');
  });

  test('by a reader at COMMIT is waited for beyond what SQLite itself waits', () => {
    using place = new Place();
    let reader: Database.Database | undefined;
    let busy = 0;
    const clock: WriterClock = {
      now: () => 0,
      boottime: () => {
        // The deadline of COMMIT is set first; each check after it follows a BUSY.
        if (reader?.inTransaction && db.inTransaction && busy++ === 3) reader.exec('COMMIT');
        return 0;
      },
    };
    const { writer, db } = place.term(clock, { lockTimeoutMs: 10 });
    reader = place.hand();
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM lease').get();
    expect(openFlow(writer).flow.state).toBe('RUNNING');
    expect(busy).toBe(4);
  });

  test('for longer than the deadline ends the writer with nothing written', () => {
    using place = new Place();
    let time = 0;
    const clock: WriterClock = { now: () => 0, boottime: () => (time += 10) };
    const { writer, db } = place.term(clock, { lockTimeoutMs: 30 });
    const reader = place.hand();
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM lease').get();
    expect(() => openFlow(writer)).toThrow(/^COMMIT on the journal failed with SQLITE_BUSY/);
    reader.exec('COMMIT');
    db.close();
    expect(eventsIn(place)).toEqual([]);
  });
});
