/** Positive controls: the search finds a planted fault of each kind. */
import { expect, it } from 'vitest';
import { bases, interrupted, orders } from './histories.ts';
import type { History } from './history.ts';
import { PLANTS } from './plants.ts';
import { Search } from './search.ts';

/** In histories with one event a planted fault shows at the first awaits. */
const AWAITS = 12;

/** The simplest first. */
function* histories(): Generator<History> {
  yield* orders(1);
  for (const base of bases(1)) yield* interrupted(base, AWAITS);
  yield* orders(3);
}

it.each(PLANTS)('finds: $name', async (plant) => {
  const search = new Search();
  const isFound = (): boolean => search.found.some(({ violation }) => plant.found.test(violation));
  for (const history of histories()) {
    await search.try(history, plant);
    if (isFound()) break;
  }
  console.log(`model events: planted "${plant.name}": found in history ${search.explored}`);
  expect(isFound()).toBe(true);
});
