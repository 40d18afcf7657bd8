import { describe, expect, test } from 'vitest';
import { ConcurrencyLimit, untilAborted } from './concurrency-limit.ts';
import { Deadline, type Urgency } from './http/deadline.ts';

test('a turn that comes up in the moment its waiter leaves goes to the next one', async () => {
  const limit = new ConcurrencyLimit(1);
  const stop = new AbortController();
  const leaving = new Deadline(60_000, stop.signal);
  const staying = new Deadline(60_000);
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const running = limit.run(staying, async () => {
    await first.promise;
    order.push('first');
    // Within one turn of the event loop: this one ends, and the second waiter stops waiting.
    queueMicrotask(() => stop.abort());
  });
  const second = limit
    .run(leaving, async () => void order.push('second'))
    .catch((error: Error) => order.push(error.message));
  const third = limit.run(staying, async () => void order.push('third'));
  first.resolve();
  await Promise.all([running, second, third]);
  expect(order.at(0)).toBe('first');
  expect(order.at(-1)).toBe('third');
  await limit.run(staying, async () => void order.push('fourth'));
  expect(order.at(-1)).toBe('fourth');
  for (const deadline of [leaving, staying]) deadline.close();
});

test('who waits for a turn leaves the line at the end of its time', async () => {
  const limit = new ConcurrencyLimit(1);
  const release = Promise.withResolvers<void>();
  const long = new Deadline(60_000);
  const short = new Deadline(1);
  const running = limit.run(long, () => release.promise);
  await expect(limit.run(short, async () => {})).rejects.toThrow('no response within 0.001 s');
  release.resolve();
  await running;
  await limit.run(long, async () => {});
  for (const deadline of [long, short]) deadline.close();
});

test('a caller without a time limit waits in order, and leaves without a permit if its signal is aborted', async () => {
  const limit = new ConcurrencyLimit(1);
  const stop = new AbortController();
  const never = untilAborted(new AbortController().signal);
  const release = Promise.withResolvers<void>();
  const order: string[] = [];
  const running = limit.run(never, () => release.promise);
  const leaving = limit.run(untilAborted(stop.signal), async () => order.push('left'));
  const staying = limit.run(never, async () => order.push('stayed'));
  stop.abort(new Error('stopped'));
  await expect(leaving).rejects.toThrow('stopped');
  release.resolve();
  await Promise.all([running, staying]);
  expect(order).toEqual(['stayed']);
  await expect(limit.run(untilAborted(stop.signal), async () => {})).rejects.toThrow('stopped');
  await limit.run(never, async () => order.push('last'));
  expect(order).toEqual(['stayed', 'last']);
});

describe('questions', () => {
  /** Work that lasts until it is released. */
  function scene(permits: number) {
    const limit = new ConcurrencyLimit(permits);
    const started: string[] = [];
    const releases: (() => void)[] = [];
    const run = (name: string, urgency: Urgency): Promise<void> => {
      const deadline = new Deadline(60_000, undefined, urgency);
      const { promise, resolve } = Promise.withResolvers<void>();
      const work = async (): Promise<void> => {
        started.push(name);
        releases.push(resolve);
        await promise;
      };
      return limit.run(deadline, work).finally(() => deadline.close());
    };
    const settled = (): Promise<void> => new Promise((done) => setImmediate(done));
    return { started: started, releases, run, settled };
  }

  test('hold a quarter of the permits, and the rest is for recoveries at once', async () => {
    const { started, releases, run, settled } = scene(16);
    const all = Array.from({ length: 512 }, (_, i) => run(`question ${i}`, 'question'));
    await settled();
    expect(started).toHaveLength(4);
    all.push(...Array.from({ length: 13 }, (_, i) => run(`recovery ${i}`, 'recovery')));
    await settled();
    expect(started.filter((name) => name.startsWith('recovery'))).toHaveLength(12);
    // A question ends: its permit goes to the recovery that waits, not to the next question.
    releases[0]?.();
    await settled();
    expect(started.at(-1)).toBe('recovery 12');
    for (let i = 1; i < releases.length; i++) {
      releases[i]?.();
      await settled();
    }
    await Promise.all(all);
    expect(started.slice(17)).toEqual(Array.from({ length: 508 }, (_, i) => `question ${i + 4}`));
  });

  test('have one permit where there is only one', async () => {
    const { started, releases, run, settled } = scene(1);
    const all = [run('first', 'question'), run('second', 'question'), run('recovery', 'recovery')];
    for (let i = 0; i < 3; i++) {
      await settled();
      releases[i]?.();
    }
    await Promise.all(all);
    expect(started).toEqual(['first', 'recovery', 'second']);
  });
});
