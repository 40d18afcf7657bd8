/** Events in every order and with wrong clocks, through the real engine. */
import { expect, it } from 'vitest';
import { bound } from '../depth.ts';
import { calls, clocks, orders, sample } from './histories.ts';
import { Search } from './search.ts';

const SEED = 20_260_101;

/** A step that has no common divisor with the number of offsets: each of them is tried in each place. */
const EVERY = bound(7, 1);

it.each([
  ['every order of arrival', () => orders(bound(2, 3))],
  [`every ${EVERY}. combination of wrong clocks`, () => clocks(2).filter((_, index) => index % EVERY === 0)],
  ['every end of the first requests', () => calls(bound(3, 5))],
  ['a sample of longer histories', () => sample(SEED, bound(100, 10_000), 4)],
])('%s keeps what the engine promises', async (name, histories) => {
  const search = new Search();
  for (const history of histories()) await search.try(history);
  console.log(`model events: ${name}: ${search.explored} histories, ${search.found.length} violations`);
  expect(search.report).toEqual([]);
});
