import { expect, test } from 'vitest';
import { Deadline } from './deadline.ts';
import { Turns } from './turns.ts';

test('a turn that comes up in the moment its waiter leaves goes to the next one', async () => {
  const turns = new Turns(1);
  const stop = new AbortController();
  const leaving = new Deadline(60_000, stop.signal);
  const staying = new Deadline(60_000);
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const running = turns.run(staying, async () => {
    await first.promise;
    order.push('first');
    // Within one turn of the event loop: this one ends, and the second waiter gives up.
    queueMicrotask(() => stop.abort());
  });
  const second = turns
    .run(leaving, async () => void order.push('second'))
    .catch((error: Error) => order.push(error.message));
  const third = turns.run(staying, async () => void order.push('third'));
  first.resolve();
  await Promise.all([running, second, third]);
  expect(order.at(0)).toBe('first');
  expect(order.at(-1)).toBe('third');
  await turns.run(staying, async () => void order.push('fourth'));
  expect(order.at(-1)).toBe('fourth');
  for (const deadline of [leaving, staying]) deadline.close();
});

test('who waits for a turn leaves the line at the end of its time', async () => {
  const turns = new Turns(1);
  const release = Promise.withResolvers<void>();
  const long = new Deadline(60_000);
  const short = new Deadline(1);
  const running = turns.run(long, () => release.promise);
  await expect(turns.run(short, async () => {})).rejects.toThrow('no answer within 0.001 s');
  release.resolve();
  await running;
  await turns.run(long, async () => {});
  for (const deadline of [long, short]) deadline.close();
});
