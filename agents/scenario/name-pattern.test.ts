import { expect, it } from 'vitest';
import { namesOf } from './name-pattern.ts';

it.each([
  ['compute-1', ['compute-1']],
  ['compute-[1-3]', ['compute-1', 'compute-2', 'compute-3']],
  ['r[2-3].example.org', ['r2.example.org', 'r3.example.org']],
  ['compute-[3-1]', ['compute-[3-1]']],
  ['compute-[1-1000000]', ['compute-[1-1000000]']],
])('%s names %j', (pattern, names) => {
  expect(namesOf(pattern)).toEqual(names);
});
