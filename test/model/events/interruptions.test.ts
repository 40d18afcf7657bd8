/** The engine stopped, killed or moved at every await of the first two tasks. */
import { expect, it } from 'vitest';
import { bound, isDeep } from '../depth.ts';
import { bases, calls, interrupted } from './histories.ts';
import { Search } from './search.ts';

/** No multiple of the number of ways to end: each way is tried at many awaits. */
const EVERY = bound(29, 1);

it.each([
  ['any await of the first two tasks', () => bases(isDeep ? 3 : 2), EVERY],
  ['any await of an evacuation', () => calls(1), 2 * EVERY - 1],
])('an engine that ends at %s breaks no promise', async (name, histories, every) => {
  const search = new Search();
  let awaits = 0;
  for (const base of histories()) {
    const count = await search.try(base);
    awaits += count;
    for (const history of interrupted(base, count).filter((_, index) => index % every === 0)) await search.try(history);
  }
  console.log(
    `model events: interruptions at ${name}: ${search.explored} histories, ${awaits} awaits, ${search.found.length} violations`,
  );
  expect(search.report).toEqual([]);
});
