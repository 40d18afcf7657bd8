import { expect, test } from 'vitest';
import { occurrenceNames, occurrenceOf } from './occurrence.ts';

test('occurrences after the first one are numbered', () => {
  const names = occurrenceNames(['alert', 'move', 'alert', 'move', 'alert']);
  expect(names).toEqual(['alert', 'move', 'alert#2', 'move#2', 'alert#3']);
  expect(names.map(occurrenceOf)).toEqual([
    { task: 'alert', occurrence: 1 },
    { task: 'move', occurrence: 1 },
    { task: 'alert', occurrence: 2 },
    { task: 'move', occurrence: 2 },
    { task: 'alert', occurrence: 3 },
  ]);
});
