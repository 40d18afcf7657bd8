/** Positive controls: the search finds a planted fault of each kind. */
import { expect, it } from 'vitest';
import { bases, interrupted, orders } from './histories.ts';
import type { Event, History } from './history.ts';
import { PLANTS } from './plants.ts';
import { Search } from './search.ts';

/** In histories with one event a planted fault shows at the first awaits. */
const AWAITS = 12;

/** The simplest first. A fault that does not show in these is not found. */
function histories(among: Event): History[] {
  const interruptions = bases(1).flatMap((base) => interrupted(base, AWAITS));
  return [...orders(1), ...interruptions, ...orders(2)].filter(({ events }) => events.includes(among));
}

it.each(PLANTS)('finds: $name', async (plant) => {
  const search = new Search();
  const isFound = (): boolean => search.found.some(({ violation }) => plant.found.test(violation));
  for (const history of histories(plant.among)) {
    await search.try(history, plant);
    if (isFound()) break;
  }
  console.log(`model events: planted "${plant.name}": found in history ${search.explored}`);
  expect(isFound()).toBe(true);
});
