import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Child } from '#test/journal/child.ts';
import { Place, STANDING_CLOCK } from '#test/journal/place.ts';
import { Journal } from './journal.ts';
import {
  assertLease,
  decideLease,
  type HolderLife,
  type Identity,
  ownerOf,
  readLease,
  readOwner,
  takeLease,
} from './lease.ts';
import { identifyProcess, lifeOf, machineOf, startOf } from './process-identity.ts';
import type { LeaseRow } from './rows.ts';
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
const DAY_MS = 86_400_000;
const ME = { owner: 'me', node: 'n1', pid: 1, bootId: 'b1' };
const RIVAL = { owner: 'rival', node: 'n2', pid: 2, bootId: 'b2' };

describe('decideLease', () => {
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
    expect(decideLease(lease, life, authority)).toEqual({ act, reason: expect.stringMatching(reason) });
  });
});

test('the lease of an engine of another machine with our node name is watched, not taken', () => {
  const me = identifyProcess('n1');
  const lease = { ...HELD, node: 'n1', boot_id: '11111111-1111-1111-1111-111111111111/pid:[4026531836]' };
  expect(decideLease(lease, lifeOf(lease, me), 'none').act).toBe('watch');
  expect(decideLease(lease, lifeOf(lease, me), 'cluster').act).toBe('take');
});

describe('takeLease', () => {
  test('lets one of two win who saw the same lease', () => {
    using place = new Place();
    place.term();
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
    const { db } = place.term();
    db.exec('DROP TRIGGER lease_stays; DELETE FROM lease');
    const other = place.hand();
    expect(takeLease(db, ME, undefined, 1)).toBe(1);
    expect(() => takeLease(other, RIVAL, undefined, 1)).toThrow(/took the lease first/);
  });

  test('gives no two of many processes one epoch, on a file that none of them found', async () => {
    using place = new Place();
    const children = Array.from({ length: 4 }, () => new Child('./endless-writer.ts', [place.path, '3']));
    const reported = (await Promise.all(children.map((child) => child.rest()))).flat();
    const epochs = reported
      .filter((line) => line.startsWith('epoch'))
      .map((line) => Number(line.slice('epoch '.length)));
    expect(new Set(epochs).size).toBe(epochs.length);
    expect(reported.filter((line) => line.startsWith('failed')).every((line) => /held|lease_lost/.test(line))).toBe(
      true,
    );
    // Who took it last wrote undisturbed and gave it back in order.
    const hand = place.hand();
    expect(readLease(hand)).toMatchObject({ epoch: Math.max(...epochs), state: 'released' });
    expect(hand.prepare('SELECT max(seq) FROM events').pluck().get()).toBeGreaterThanOrEqual(3);
    expect(hand.pragma('integrity_check', { simple: true })).toBe('ok');
  });
});

test('assertLease wants epoch, owner and state, all three', () => {
  const mine = { owner: 'o', epoch: 7 };
  expect(() => assertLease(HELD, mine)).not.toThrow();
  for (const lease of [undefined, RELEASED, { ...HELD, epoch: 8 }, { ...HELD, owner: 'p' }]) {
    expect(() => assertLease(lease, mine)).toThrow(expect.objectContaining({ kind: 'lease_lost', isFatal: true }));
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

  test.each<[string, string, HolderLife]>([
    ['of another boot of this machine is dead', 'another/pid:[1]/MACHINE', 'dead'],
    [
      'of another boot of another machine cannot be seen, although its node has our name',
      'another/pid:[1]/other',
      'not visible',
    ],
    ['of another boot, of a machine without an identity, cannot be seen', 'another/pid:[1]', 'not visible'],
  ])('%s', (_, bootId, life) => {
    using place = new Place();
    const files = machineFiles(place, 'MACHINE-ID', 'MAINBOARD');
    const known = identifyProcess('n1', files);
    const boot_id = bootId.replace('MACHINE', machineOf(files) ?? '');
    expect(lifeOf(leaseOf({ boot_id }), known)).toBe(life);
    // Another node name is another machine, or a machine that was renamed: nothing is known.
    expect(lifeOf(leaseOf({ boot_id, node: 'n2' }), known)).toBe('not visible');
    // An engine that does not know its own machine cannot detect that it rebooted.
    expect(lifeOf(leaseOf({ boot_id }), me)).toBe('not visible');
  });

  test('of this boot is found by its pid, whether or not its machine was identified', () => {
    using place = new Place();
    const known = identifyProcess('n1', machineFiles(place, 'MACHINE-ID', 'MAINBOARD'));
    for (const [boot_id, who] of [
      [me.bootId, known],
      [known.bootId, me],
      [known.bootId, known],
    ] as const) {
      expect(lifeOf(leaseOf({ boot_id, pid: process.ppid }), who)).toBe('alive');
      expect(lifeOf(leaseOf({ boot_id, pid: spawnSync('true').pid }), who)).toBe('dead');
    }
  });
});

/** Files of a machine that a test made up. */
function machineFiles(place: Place, ...contents: readonly (string | null)[]): string[] {
  return contents.map((content, n) => {
    const file = join(place.directory, `machine-${n}`);
    if (content !== null) writeFileSync(file, `${content}\n`);
    return file;
  });
}

test.each([-DAY_MS, DAY_MS])('a lease and its freshness survive a jump of the wall clock by %i ms', async (jump) => {
  using place = new Place();
  let now = 1_000;
  const clock = { now: () => now, boottime: () => 1_000, sleep: async () => {} };
  const journal = await Journal.openInline(place.settings({ authority: 'none' }), clock);
  now += jump;
  expect(journal.isFresh()).toBe(true);
  await journal.beat();
  await journal.confirm();
  expect(readLease(place.hand())).toMatchObject({ epoch: 1, beat_at: now, state: 'held' });
  await journal.close();
});

describe('a machine', () => {
  const fingerprint = (...contents: readonly (string | null)[]): string | undefined => {
    using place = new Place();
    return machineOf(machineFiles(place, ...contents));
  };

  test('is known by its machine-id and its mainboard, which it does not show', () => {
    expect(fingerprint('id', 'board')).toMatch(/^[0-9a-f]{32}$/);
    expect(fingerprint('id', 'board')).toBe(fingerprint('id', 'board'));
    // A clone has the machine-id of its origin.
    expect(fingerprint('id', 'another mainboard')).not.toBe(fingerprint('id', 'board'));
    expect(fingerprint('another id', 'board')).not.toBe(fingerprint('id', 'board'));
    expect(fingerprint('id', null)).toMatch(/^[0-9a-f]{32}$/);
  });

  test('is not known without a machine-id', () => {
    expect(machineOf([])).toBeUndefined();
    for (const id of [null, '', 'uninitialized']) expect(fingerprint(id, 'board')).toBeUndefined();
  });
});

describe('a lease that another resource of the cluster holds', () => {
  /** A journal whose lease is held for resource `first` by the process with this pid and start time. */
  function heldByFirst(place: Place, pid: number, processStart = startOf(pid)): void {
    const { db } = place.term();
    const owner = ownerOf(`held-${pid}`, { processStart: processStart ?? '1', resource: 'first' });
    takeLease(db, { ...identifyProcess('n1'), owner, pid }, readLease(db), 1);
    db.close();
  }
  const leaseTermOf = (place: Place, resource: string) => place.term(STANDING_CLOCK, { resource });

  test('is not taken from an engine that lives here, although the cluster started us', () => {
    using place = new Place();
    heldByFirst(place, process.ppid);
    expect(() => leaseTermOf(place, 'second')).toThrow(
      expect.objectContaining({
        kind: 'claimed',
        message: expect.stringMatching(/by the engine of resource first: an engine runs here/),
      }),
    );
    expect(leaseTermOf(place, 'first').term.epoch).toBe(3);
  });

  test('is taken from an engine that is dead, and from a process that has its pid now', () => {
    using place = new Place();
    heldByFirst(place, spawnSync('true').pid);
    expect(leaseTermOf(place, 'second').reason).toMatch(/its holder is dead/);
    heldByFirst(place, process.ppid, '1');
    expect(leaseTermOf(place, 'second').reason).toMatch(/its holder is dead/);
  });

  test('is taken from an engine that was killed and waits for its parent', async () => {
    using place = new Place();
    // The shell becomes a program that waits for no child.
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    heldByFirst(place, pid);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toMatch(/\) Z /));
    expect(leaseTermOf(place, 'second').reason).toMatch(/its holder is dead/);
    parent.kill();
  });

  test("is taken by an engine without a resource, by the cluster's statement, and names its own after that", () => {
    using place = new Place();
    heldByFirst(place, process.ppid);
    const { db } = place.term();
    const { pid, owner = '' } = readLease(db) ?? {};
    expect([pid, readOwner(owner)]).toEqual([process.pid, { processStart: startOf(process.pid), resource: undefined }]);
  });
});

describe('a holder that may be alive elsewhere', () => {
  /** A file held by a rival that cannot be seen, and a clock that `atEachLook` can use to let it act. */
  function watched(
    place: Place,
    atEachRead: (nthRead: number) => void,
    { rival = RIVAL, now = () => 9 }: { readonly rival?: Identity; readonly now?: () => number } = {},
  ): () => ReturnType<Place['term']> {
    const { db } = place.term();
    takeLease(db, rival, readLease(db), 1);
    db.close();
    let nthRead = 0;
    const clock: WriterClock = {
      now,
      boottime: () => {
        nthRead += 1;
        atEachRead(nthRead);
        return nthRead * 5;
      },
    };
    return () => place.term(clock, { authority: 'none', leaseTimeoutMs: 20 });
  }

  test('keeps the lease when it renews it while it is watched', () => {
    using place = new Place();
    const rival = place.hand();
    const take = watched(place, (nthRead) => {
      if (nthRead === 3) rival.exec('UPDATE lease SET beat_at = beat_at + 1');
    });
    expect(take).toThrow(
      expect.objectContaining({
        kind: 'held',
        message: 'the engine on n2 (pid 2, epoch 2) is alive and holds the journal',
      }),
    );
    expect(readLease(rival)).toMatchObject({ epoch: 2, owner: 'rival' });
  });

  test('keeps it on another machine with the node name of this one, and both are named', () => {
    using place = new Place();
    const rival = place.hand();
    const other = { ...RIVAL, node: 'n1', bootId: '11111111-1111-1111-1111-111111111111/pid:[4026531836]' };
    const take = watched(
      place,
      (nthRead) => {
        if (nthRead === 3) rival.exec('UPDATE lease SET beat_at = beat_at + 1');
      },
      { rival: other },
    );
    expect(take).toThrow(
      expect.objectContaining({
        kind: 'held',
        message: expect.stringMatching(/n1 \(pid 2, epoch 2\) is alive .* two machines may have the node name n1/),
      }),
    );
    expect(readLease(rival)).toMatchObject({ epoch: 2, owner: 'rival' });
  });

  test('loses it after the whole timeout if it was this node, before a reboot that cannot be distinguished from another machine', () => {
    using place = new Place();
    let reads = 0;
    const before = { ...RIVAL, node: 'n1', bootId: '11111111-1111-1111-1111-111111111111/pid:[4026531836]' };
    const take = watched(
      place,
      (nthRead) => {
        reads = nthRead;
      },
      { rival: before },
    );
    expect(take().term.epoch).toBe(3);
    expect(reads).toBe(5);
  });

  test.each([-DAY_MS, DAY_MS])('keeps or loses it by CLOCK_BOOTTIME, when the wall clock jumps by %i ms', (jump) => {
    for (const isAlive of [true, false]) {
      using place = new Place();
      const rival = place.hand();
      let reads = 0;
      const take = watched(
        place,
        (nthRead) => {
          reads = nthRead;
          // The holder's clock jumps: its renewal has a time of yesterday or tomorrow.
          if (nthRead === 3 && isAlive) rival.exec(`UPDATE lease SET beat_at = beat_at + ${jump}`);
        },
        { now: () => (reads < 2 ? 9 : 9 + jump) },
      );
      if (isAlive) expect(take).toThrow(/is alive and holds the journal/);
      else expect(take().term.epoch).toBe(3);
      expect(reads).toBe(isAlive ? 3 : 5);
    }
  });

  test('shows each renewal, even when its wall clock went back to the time of the last one', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const seen = [0, 1, 2].map(() => {
      writer.renewLease();
      return readLease(db)?.beat_at;
    });
    expect(seen[0]).not.toBe(1_000);
    expect(seen[1]).not.toBe(seen[0]);
    expect(seen[2]).not.toBe(seen[1]);
  });

  test('loses it when it stays silent for the whole timeout', () => {
    using place = new Place();
    let reads = 0;
    const { term, reason } = watched(place, (nthRead) => {
      reads = nthRead;
    })();
    expect(term.epoch).toBe(3);
    expect(reason).toMatch(/may be alive elsewhere \(n2, pid 2, epoch 2\)/);
    expect(reads).toBe(5);
  });

  test('releases it and so loses it at once', () => {
    using place = new Place();
    const rival = place.hand();
    let reads = 0;
    const { term } = watched(place, (nthRead) => {
      reads = nthRead;
      if (nthRead === 2) rival.exec(`UPDATE lease SET state = 'released', beat_at = 5`);
    })();
    expect(term.epoch).toBe(3);
    expect(reads).toBe(2);
  });

  test('that another engine replaced while we watched is not replaced again', () => {
    using place = new Place();
    const third = place.hand();
    const take = watched(place, (nthRead) => {
      if (nthRead === 2) takeLease(third, { ...ME, owner: 'third', node: 'n3' }, readLease(third), 1);
    });
    expect(take).toThrow(expect.objectContaining({ kind: 'held', message: expect.stringContaining('on n3') }));
  });
});

test('the lease of an engine that lives on this node is not taken, unless the cluster started us in its place', async () => {
  using place = new Place();
  await using child = new Child('./endless-writer.ts', [place.path]);
  expect(await child.line()).toBe('epoch 1');
  expect(() => place.term(STANDING_CLOCK, { authority: 'none' })).toThrow(
    expect.objectContaining({ kind: 'held', message: expect.stringContaining(`pid ${child.process.pid}`) }),
  );
  expect(place.term(STANDING_CLOCK, { authority: 'cluster' }).term.epoch).toBe(2);
  await child.ended;
  // Dead now, so no statement of the cluster is needed.
  const hand = place.hand();
  hand.exec(`UPDATE lease SET pid = ${child.process.pid}, epoch = 3, owner = 'x', state = 'held'`);
  expect(place.term(STANDING_CLOCK, { authority: 'none' }).reason).toMatch(/its holder is dead/);
});
