import { expect, test } from 'vitest';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import { Life } from './life.ts';

/** Whether a promise settles while the clock runs on. */
async function settles(clock: SimulatedClock, work: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const mark = (): void => {
    isSettled = true;
  };
  work.then(mark, mark);
  await clock.run(clock.sleep(60_000));
  return isSettled;
}

function stage() {
  const clock = new SimulatedClock();
  const life = new Life();
  const reached: string[] = [];
  const link = life.link({
    description: 'a cloud',
    call: async (method) => {
      reached.push(method);
      return 'done';
    },
    close: async () => {},
  });
  return { clock, life, reached, link };
}

test('a living engine reads the cloud, acts on it and sleeps', async () => {
  const { clock, life, link } = stage();
  expect(await link.call('listInstances', {}, {})).toBe('done');
  expect(await link.call('evacuate', {}, {})).toBe('done');
  await clock.run(life.clock(clock).sleep(1000));
  expect(life.isDead).toBe(false);
});

test('a doomed engine ends at its next effect: the cloud executes it, and the response is not received', async () => {
  const { clock, life, reached, link } = stage();
  life.doom();
  expect(await link.call('listInstances', {}, {})).toBe('done');
  expect(await settles(clock, link.call('evacuate', {}, {}))).toBe(false);
  await life.death;
  expect([life.isDead, reached]).toEqual([true, ['listInstances', 'evacuate']]);
});

test('a dead engine reaches no peer, and neither wakes up nor receives an abort', async () => {
  const { clock, life, reached, link } = stage();
  const stop = new AbortController();
  const asleep = life.clock(clock).sleep(1000);
  const awaited = life.clock(clock).sleep(3600_000, stop.signal);
  life.doom();
  void life.outlive(undefined);
  stop.abort(new Error('its engine stops'));
  expect(await settles(clock, asleep)).toBe(false);
  expect(await settles(clock, awaited)).toBe(false);
  expect(await settles(clock, link.call('evacuate', {}, {}))).toBe(false);
  expect(await settles(clock, life.clock(clock).sleep(1))).toBe(false);
  expect(reached).toEqual([]);
});
