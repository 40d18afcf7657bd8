/** The engine stopped, killed or moved at every await of the first two tasks. */
import { expect, it } from 'vitest';
import { bound, isDeep } from '../depth.ts';
import { bases, interrupted } from './histories.ts';
import { Search } from './search.ts';

/** A step that has no common divisor with the number of ways to end: each way is tried at many awaits. */
const EVERY = bound(7, 1);

it('an engine that ends at any await of the first two tasks breaks no promise', async () => {
  const search = new Search();
  let awaits = 0;
  for (const base of bases(isDeep ? 3 : 2)) {
    const count = await search.try(base);
    awaits += count;
    for (const history of interrupted(base, count).filter((_, index) => index % EVERY === 0)) await search.try(history);
  }
  console.log(
    `model events: interruptions: ${search.explored} histories, ${awaits} awaits, ${search.found.length} violations`,
  );
  expect(search.report).toEqual([]);
});
