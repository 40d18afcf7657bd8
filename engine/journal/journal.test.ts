import { renameSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { realClock } from '#protocol/clock.ts';
import { Child } from '#test/journal/child.ts';
import { beginFlow, flowOf, line, notification, Place } from '#test/journal/place.ts';
import { JournalFailure } from './failure.ts';
import { committedEvents, Journal } from './journal.ts';
import { readLease, takeLease } from './lease.ts';
import type { EventRow } from './rows.ts';

const RIVAL = { owner: 'rival', node: 'n2', pid: 7, bootId: 'elsewhere' };

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof JournalFailure ? error.kind : String(error);
  }
}

describe('acknowledged means on the disk:', () => {
  const KILLS_PER_LANE = 28;
  /**
   * Where the children of the second lane kill themselves; those of the first die by an unforeseen hand. What a cut
   * within COMMIT leaves is shown syscall by syscall in power-cut.test.ts.
   */
  const POINTS = ['writer.after-begin', 'writer.before-commit', 'writer.after-commit', 'writer.before-acknowledge'];

  interface Seen {
    kills: number;
    acknowledged: number;
  }

  /** The highest number that a child printed before it died. */
  async function lastAnswerOf(path: string, kill: number, manner: 'outside' | 'inside'): Promise<number> {
    const point = `${POINTS[kill % POINTS.length]}:${4 + (kill % 19)}`;
    const variables = manner === 'inside' ? { RECOVERY_AGENT_CRASH_POINT: point } : {};
    await using child = new Child('./endless-writer.ts', [path], variables);
    expect(await child.line()).toBe(`epoch ${kill * 2 + 1}`);
    const answers: string[] = [];
    if (manner === 'inside') answers.push(...(await child.rest()));
    else {
      // From "before the first answer" to "in the thick of it"; where in a transaction it hits is left to chance.
      const outageRetry = (kill * 7) % 23;
      while (answers.length < outageRetry) answers.push(await child.line());
      answers.push(...(await child.kill()));
    }
    expect(child.process.signalCode).toBe('SIGKILL');
    return Math.max(0, ...answers.map(Number));
  }

  /** Kills one writer after the other on one file, each at another moment, and checks the file. */
  async function killAgainAndAgain(manner: 'outside' | 'inside'): Promise<Seen> {
    using place = new Place();
    const seen: Seen = { kills: 0, acknowledged: 0 };
    while (seen.kills < KILLS_PER_LANE) {
      const last = await lastAnswerOf(place.path, seen.kills, manner);
      seen.kills += 1;
      // Without the word of a cluster: the death must be seen.
      const { db } = place.term(realClock, { authority: 'none' });
      const numbers = db.prepare<[], number>('SELECT CAST(message AS INTEGER) FROM events ORDER BY id').pluck().all();
      const where = `kill ${seen.kills} from ${manner}`;
      expect(numbers, where).toEqual(numbers.map((_, index) => index + 1));
      expect(numbers.length, where).toBeGreaterThanOrEqual(last);
      expect(db.pragma('integrity_check', { simple: true }), where).toBe('ok');
      expect(db.pragma('foreign_key_check'), where).toEqual([]);
      db.close();
      seen.acknowledged = Math.max(seen.acknowledged, last);
    }
    return seen;
  }

  test(`after ${KILLS_PER_LANE * 2} kills every acknowledged event is there`, { timeout: 180_000 }, async () => {
    const [outside, inside] = await Promise.all([killAgainAndAgain('outside'), killAgainAndAgain('inside')]);
    expect([outside.kills, inside.kills]).toEqual([KILLS_PER_LANE, KILLS_PER_LANE]);
    expect(outside.acknowledged).toBeGreaterThan(100);
    expect(inside.acknowledged).toBeGreaterThan(100);
  });
});

describe('a disk that does not answer', () => {
  test('does not block the event loop, and waiting requests are written when it responds again', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings({ lockTimeoutMs: 60_000 }), realClock);
    const flow = await beginFlow(journal);
    await using holder = new Child('./lock-holder.ts', [place.path]);
    expect(await holder.line()).toBe('locked');
    let isWritten = false;
    const write = journal.write(line(flow, 'late')).then(() => {
      isWritten = true;
    });
    // The lock goes only when this loop has turned 100 times: were the loop blocked, neither would ever end.
    for (let turn = 0; turn < 100; turn++) await delay(10);
    expect(isWritten).toBe(false);
    holder.log('unlock');
    await write;
    await journal.close();
  });
});

describe('a failure that ends the journal', () => {
  test('rejects all who wait, `failed`, and everything later', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings(), realClock);
    const flow = await beginFlow(journal);
    expect(journal.isFresh()).toBe(true);
    const rival = place.hand(5_000);
    takeLease(rival, RIVAL, readLease(rival), 1);
    const waiting = [
      ...Array.from({ length: 20 }, (_, n) => journal.write(line(flow, `${n}`))),
      journal.query('summary'),
      journal.beat(),
    ];
    expect(await Promise.all(waiting.map(failureOf))).toEqual(waiting.map(() => 'lease_lost'));
    await expect(journal.failed).rejects.toThrow('the lease of epoch 1 is lost: epoch 2 is held by n2, pid 7');
    expect(await failureOf(journal.write(line(flow, 'later')))).toBe('lease_lost');
    expect(await failureOf(journal.confirm())).toBe('lease_lost');
    expect(journal.isFresh()).toBe(false);
    expect(rival.prepare('SELECT count(*) FROM events').pluck().get()).toBe(0);
    await journal.close();
    expect(readLease(rival)).toMatchObject({ owner: 'rival', state: 'held' });
  });

  test('is an unknown outcome where SQLite itself stumbles', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings(), realClock);
    const flow = await beginFlow(journal);
    place.hand(5_000).exec('DROP TABLE events');
    expect(await failureOf(journal.write(line(flow, 'x')))).toBe('unknown');
    expect(await failureOf(journal.failed)).toBe('unknown');
    await journal.close();
  });

  test('is a file that is not at its place any more, found at the next lease renewal', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings(), realClock);
    renameSync(place.path, `${place.path}.moved`);
    await expect(journal.beat()).rejects.toThrow('is not at its place any more');
    expect(await failureOf(journal.failed)).toBe('unknown');
    await journal.close();
  });

  test('at the opening rejects it', async () => {
    using place = new Place();
    expect(await failureOf(Journal.open(place.settings({ path: '/nowhere/at/all.db' }), realClock))).toBe('refused');
    await using child = new Child('./endless-writer.ts', [place.path]);
    await child.line();
    expect(await failureOf(Journal.open(place.settings({ authority: 'none' }), realClock))).toBe('held');
  });
});

test('a request against the rules fails alone, and the journal continues', async () => {
  using place = new Place();
  const journal = await Journal.open(place.settings(), realClock);
  const flow = await beginFlow(journal);
  const ends = [
    journal.write(line(flow, 'one')),
    journal.write({ op: 'atom', atomId: flow.atoms[0]?.id ?? 0, state: 'REVERTED', at: 1 }),
    // A second recovery of the same host.
    journal.accept(notification({ payload: '{}' })).then(({ logbook }) => journal.openFlow(flowOf(logbook.uuid))),
    journal.write(line(flow, 'two')),
  ];
  expect(await Promise.all(ends.map(failureOf))).toEqual(['none', 'constraint', 'constraint', 'none']);
  await journal.close();
});

test('a listener receives all that was committed, in order, and nothing that failed', async () => {
  using place = new Place();
  const journal = await Journal.open(place.settings(), realClock);
  const received: EventRow[] = [];
  const flow = await beginFlow(journal);
  const leave = journal.onCommit((mutations, results) => received.push(...committedEvents(mutations, results)));
  await Promise.all([
    journal.write(line(flow, 'one'), line(flow, 'two')),
    failureOf(journal.write(line(flow, 'never'), { op: 'resume_flow', flowId: 4711 })),
    journal.write(line(flow, 'three')),
  ]);
  leave();
  await journal.write(line(flow, 'unheard'));
  expect(received.map(({ seq, message }) => [seq, message])).toEqual([
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ]);
  await journal.close();
});

describe('close', () => {
  test('writes earlier requests, releases the lease, and refuses later requests', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings(), realClock);
    const flow = await beginFlow(journal);
    const before = failureOf(journal.write(line(flow, 'before')));
    const closed = journal.close();
    const after = failureOf(journal.write(line(flow, 'after')));
    const again = journal.close();
    expect(await before).toBe('none');
    expect(await after).toBe('refused');
    await Promise.all([closed, again, journal.close()]);
    const settled = await Promise.race([failureOf(journal.failed), delay(0, 'waits')]);
    expect(settled).toBe('waits');
    const hand = place.hand();
    expect(readLease(hand)).toMatchObject({ epoch: 1, state: 'released' });
    expect(hand.prepare('SELECT message FROM events').pluck().all()).toEqual(['before']);
    const { reason } = place.term(realClock, { authority: 'none' });
    expect(reason).toBe('released by n1');
  });

  test('ends, too, when the journal fails on the way', async () => {
    using place = new Place();
    const journal = await Journal.open(place.settings(), realClock);
    const rival = place.hand(5_000);
    takeLease(rival, RIVAL, readLease(rival), 1);
    const ends = [journal.query('summary'), journal.close(), journal.close()].map(failureOf);
    expect(await Promise.all(ends)).toEqual(['none', 'lease_lost', 'lease_lost']);
  });
});
