import { expect, it } from 'vitest';
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
