import { describe, expect, it } from 'vitest';
import { Budget } from './budget.ts';

it.each([
  [1, 1],
  [2, 1],
  [3, 2],
  [32, 16],
])('of %i places what is not urgent gets %i', (places, spare) => {
  const budget = new Budget(places);
  let taken = 0;
  while (budget.tryTakeSpare()) taken += 1;
  expect(taken).toBe(spare);
  for (let left = places - spare; left > 0; left -= 1) expect(budget.tryTake()).toBe(true);
  expect(budget.tryTake()).toBe(false);
  budget.give();
  // The first place that becomes free is for what is urgent.
  expect(budget.tryTakeSpare()).toBe(places === 1);
});

describe('owners that share places', () => {
  const takeAll = (budget: Budget, owner: string): number => {
    let taken = 0;
    while (budget.tryTake(owner)) taken += 1;
    return taken;
  };

  it('may use all of them while alone', () => {
    expect(takeAll(new Budget(8), 'c1')).toBe(8);
  });

  it('that come later get their share as places become free', () => {
    const budget = new Budget(8);
    takeAll(budget, 'c1');
    expect(budget.tryTake('c2')).toBe(false);
    for (let freed = 0; freed < 4; freed += 1) {
      budget.give('c1');
      expect(budget.tryTake('c1')).toBe(false);
      expect(budget.tryTake('c2')).toBe(true);
      expect(budget.tryTake('c2')).toBe(false);
    }
    // Both have four: the owner that has waited longer is next.
    budget.give('c2');
    expect(budget.tryTake('c1')).toBe(false);
    expect(budget.tryTake('c2')).toBe(true);
  });

  it('take turns for a single place', () => {
    const budget = new Budget(1);
    const order: string[] = [];
    budget.tryTake('c1');
    for (let turn = 0, holder = 'c1'; turn < 4; turn += 1) {
      for (const owner of ['c1', 'c2']) budget.tryTake(owner);
      budget.give(holder);
      holder = ['c1', 'c2'].find((owner) => budget.tryTake(owner)) ?? '';
      order.push(holder);
    }
    expect(order).toEqual(['c1', 'c2', 'c1', 'c2']);
  });

  it('keep nothing for one that wants none any more', () => {
    const budget = new Budget(2);
    takeAll(budget, 'c1');
    budget.tryTake('c2');
    budget.give('c1');
    expect(budget.tryTake('c1')).toBe(false);
    budget.withdraw('c2');
    expect(budget.tryTake('c1')).toBe(true);
  });

  it('wait for work in the order of what they hold', async () => {
    const budget = new Budget(2);
    const { signal } = new AbortController();
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    const work = (name: string, owner: string): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gates.set(name, resolve);
      return budget.run(
        () => {
          order.push(name);
          return promise;
        },
        signal,
        owner,
      );
    };
    const all = [work('a1', 'c1'), work('a2', 'c1'), work('a3', 'c1'), work('b1', 'c2')];
    gates.get('a1')?.();
    await all[0];
    await Promise.resolve();
    expect(order).toEqual(['a1', 'a2', 'b1']);
    for (const open of gates.values()) open();
    await Promise.all(all);
  });
});
