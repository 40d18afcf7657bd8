import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { Place, STANDING_CLOCK } from '#test/journal/place.ts';
import { assertReign, type HolderLife, judgeLease, readLease, takeLease } from './lease.ts';
import { identifyProcess, lifeOf } from './process-identity.ts';
import type { LeaseRow } from './words.ts';
import type { WriterClock } from './writer.ts';

const HELD: LeaseRow = {
  epoch: 7,
  owner: 'o',
  node: 'n2',
  pid: 42,
  boot_id: 'b',
  taken_at: 1,
  beat_at: 2,
  state: 'held',
};
const RELEASED: LeaseRow = { ...HELD, state: 'released' };
const ME = { owner: 'me', node: 'n1', pid: 1, bootId: 'b1' };
const RIVAL = { owner: 'rival', node: 'n2', pid: 2, bootId: 'b2' };

describe('judgeLease', () => {
  test.each<[LeaseRow | undefined, HolderLife, 'cluster' | 'none', string, RegExp]>([
    [undefined, 'dead', 'none', 'take', /new journal/],
    [undefined, 'dead', 'cluster', 'take', /new journal/],
    [RELEASED, 'alive', 'none', 'take', /released by n2/],
    [RELEASED, 'not visible', 'none', 'take', /released by n2/],
    [RELEASED, 'dead', 'cluster', 'take', /released by n2/],
    [HELD, 'dead', 'none', 'take', /holder is dead \(n2, pid 42, epoch 7\)/],
    [HELD, 'alive', 'none', 'refuse', /an engine runs here already \(n2, pid 42, epoch 7\)/],
    [HELD, 'not visible', 'none', 'watch', /may be alive elsewhere/],
    [HELD, 'not visible', 'cluster', 'take', /the cluster started us in place of n2/],
    [HELD, 'alive', 'cluster', 'take', /the cluster started us in place of n2/],
    [HELD, 'dead', 'cluster', 'take', /the cluster started us/],
  ])('%j, holder %s, authority %s: %s', (lease, life, authority, act, reason) => {
    expect(judgeLease(lease, life, authority)).toEqual({ act, reason: expect.stringMatching(reason) });
  });
});

describe('takeLease', () => {
  test('lets one of two win who saw the same lease', () => {
    using place = new Place();
    place.reign();
    const [one, other] = [place.hand(), place.hand()];
    const [seen, seenByOther] = [readLease(one), readLease(other)];
    expect(takeLease(one, ME, seen, 5)).toBe(2);
    expect(() => takeLease(other, RIVAL, seenByOther, 5)).toThrow(
      expect.objectContaining({ kind: 'held', message: 'another engine took the lease first (n1, pid 1)' }),
    );
    expect(readLease(other)).toMatchObject({ epoch: 2, owner: 'me', taken_at: 5, beat_at: 5, state: 'held' });
    expect(other.inTransaction).toBe(false);
  });

  test('lets one of two win who saw a new journal', () => {
    using place = new Place();
    const { db } = place.reign();
    db.exec('DROP TRIGGER lease_stays; DELETE FROM lease');
    const other = place.hand();
    expect(takeLease(db, ME, undefined, 1)).toBe(1);
    expect(() => takeLease(other, RIVAL, undefined, 1)).toThrow(/took the lease first/);
  });

  test('gives no two of many processes one epoch, on a file that none of them found', async () => {
    using place = new Place();
    const children = Array.from({ length: 4 }, () => new Child('./endless-writer.ts', [place.path, '3']));
    const said = (await Promise.all(children.map((child) => child.rest()))).flat();
    const epochs = said.filter((line) => line.startsWith('epoch')).map((line) => Number(line.slice('epoch '.length)));
    expect(new Set(epochs).size).toBe(epochs.length);
    expect(said.filter((line) => line.startsWith('failed')).every((line) => /held|lease_lost/.test(line))).toBe(true);
    // Who took it last wrote undisturbed and gave it back in order.
    const hand = place.hand();
    expect(readLease(hand)).toMatchObject({ epoch: Math.max(...epochs), state: 'released' });
    expect(hand.prepare('SELECT max(seq) FROM events').pluck().get()).toBeGreaterThanOrEqual(3);
    expect(hand.pragma('integrity_check', { simple: true })).toBe('ok');
  });
});

test('assertReign wants epoch, owner and state, all three', () => {
  const mine = { owner: 'o', epoch: 7 };
  expect(() => assertReign(HELD, mine)).not.toThrow();
  for (const lease of [undefined, RELEASED, { ...HELD, epoch: 8 }, { ...HELD, owner: 'p' }]) {
    expect(() => assertReign(lease, mine)).toThrow(expect.objectContaining({ kind: 'lease_lost', isFatal: true }));
  }
});

describe('a process', () => {
  const me = identifyProcess('n1');
  const leaseOf = (other: Partial<LeaseRow>): LeaseRow => ({ ...HELD, node: 'n1', boot_id: me.bootId, ...other });

  test('is identified by boot and pid namespace, and by an owner of its own at each start', () => {
    expect(me).toMatchObject({
      node: 'n1',
      pid: process.pid,
      bootId: expect.stringMatching(/^[0-9a-f-]{36}\/pid:\[\d+\]$/),
    });
    expect(identifyProcess('n1').owner).not.toBe(me.owner);
  });

  test('that ended is dead, one that runs is alive', async () => {
    const { pid } = spawnSync('true');
    expect(lifeOf(leaseOf({ pid }), me)).toBe('dead');
    expect(lifeOf(leaseOf({ pid: process.ppid }), me)).toBe('alive');
  });

  test('with the pid of this one, in its own pid namespace, was before this one', () => {
    expect(lifeOf(leaseOf({ pid: process.pid }), me)).toBe('dead');
  });

  test('in another pid namespace of this machine cannot be seen, not even under our pid', () => {
    const [boot] = me.bootId.split('/');
    expect(lifeOf(leaseOf({ boot_id: `${boot}/pid:[1]`, pid: process.pid }), me)).toBe('not visible');
  });

  test('of another boot of this node is dead; of another node it cannot be seen', () => {
    expect(lifeOf(leaseOf({ boot_id: 'another/pid:[1]' }), me)).toBe('dead');
    expect(lifeOf(leaseOf({ boot_id: 'another/pid:[1]', node: 'n2' }), me)).toBe('not visible');
  });
});

describe('a holder that may be alive elsewhere', () => {
  /** A file held by a rival that cannot be seen, and a clock that `atEachLook` can use to let it act. */
  function watched(place: Place, atEachLook: (look: number) => void): () => ReturnType<Place['reign']> {
    const { db } = place.reign();
    takeLease(db, RIVAL, readLease(db), 1);
    db.close();
    let look = 0;
    const clock: WriterClock = {
      now: () => 9,
      boottime: () => {
        look += 1;
        atEachLook(look);
        return look * 5;
      },
    };
    return () => place.reign(clock, { authority: 'none', leaseTimeoutMs: 20 });
  }

  test('keeps the lease when it beats while it is watched', () => {
    using place = new Place();
    const rival = place.hand();
    const take = watched(place, (look) => {
      if (look === 3) rival.exec('UPDATE lease SET beat_at = beat_at + 1');
    });
    expect(take).toThrow(
      expect.objectContaining({
        kind: 'held',
        message: 'the engine on n2 (pid 2, epoch 2) is alive and holds the journal',
      }),
    );
    expect(readLease(rival)).toMatchObject({ epoch: 2, owner: 'rival' });
  });

  test('loses it when it stays silent for the whole timeout', () => {
    using place = new Place();
    let looks = 0;
    const { reign, reason } = watched(place, (look) => {
      looks = look;
    })();
    expect(reign.epoch).toBe(3);
    expect(reason).toMatch(/may be alive elsewhere \(n2, pid 2, epoch 2\)/);
    expect(looks).toBe(5);
  });

  test('gives it up at once by releasing it', () => {
    using place = new Place();
    const rival = place.hand();
    let looks = 0;
    const { reign } = watched(place, (look) => {
      looks = look;
      if (look === 2) rival.exec(`UPDATE lease SET state = 'released', beat_at = 5`);
    })();
    expect(reign.epoch).toBe(3);
    expect(looks).toBe(2);
  });

  test('that another engine replaced while we watched is not replaced again', () => {
    using place = new Place();
    const third = place.hand();
    const take = watched(place, (look) => {
      if (look === 2) takeLease(third, { ...ME, owner: 'third', node: 'n3' }, readLease(third), 1);
    });
    expect(take).toThrow(expect.objectContaining({ kind: 'held', message: expect.stringContaining('on n3') }));
  });
});

test('the lease of an engine that lives on this node is not taken, unless the cluster says so', async () => {
  using place = new Place();
  await using child = new Child('./endless-writer.ts', [place.path]);
  expect(await child.line()).toBe('epoch 1');
  expect(() => place.reign(STANDING_CLOCK, { authority: 'none' })).toThrow(
    expect.objectContaining({ kind: 'held', message: expect.stringContaining(`pid ${child.process.pid}`) }),
  );
  expect(place.reign(STANDING_CLOCK, { authority: 'cluster' }).reign.epoch).toBe(2);
  await child.ended;
  // Dead now, so nobody needs to say anything.
  const hand = place.hand();
  hand.exec(`UPDATE lease SET pid = ${child.process.pid}, epoch = 3, owner = 'x', state = 'held'`);
  expect(place.reign(STANDING_CLOCK, { authority: 'none' }).reason).toMatch(/its holder is dead/);
});
