/** Events in every order and with wrong clocks, through the real engine. */
import { expect, it } from 'vitest';
import { bound } from '../depth.ts';
import { clocks, orders, sample } from './histories.ts';
import { Search } from './search.ts';

const SEED = 20_260_101;

it.each([
  ['every order of arrival', () => orders(bound(2, 3))],
  ['every wrong clock', () => clocks(2)],
  ['a sample of longer histories', () => sample(SEED, bound(400, 20_000), 4)],
])('%s keeps what the engine promises', async (name, histories) => {
  const search = new Search();
  for (const history of histories()) await search.try(history);
  console.log(`model events: ${name}: ${search.explored} histories, ${search.found.length} violations`);
  expect(search.report).toEqual([]);
});
