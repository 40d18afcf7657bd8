import { expect, test } from 'vitest';
import { didYouMean, distance, nearest } from './nearest.ts';

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'acb', 1],
  ['abc', 'ab', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j it takes %i letters', (from, to, letters) => {
  expect(distance(from, to)).toBe(letters);
  expect(distance(to, from)).toBe(letters);
});

test('the nearest word is found in any case of letters, and only if it is near', () => {
  const words = ['verify_interval', 'log_level', 'node'];
  expect(nearest('verify_intervall', words)).toBe('verify_interval');
  expect(nearest('LOG_LEVEL', words)).toBe('log_level');
  expect(nearest('ndoe', words)).toBe('node');
  expect(nearest('socket', words)).toBeUndefined();
  expect(nearest('x'.repeat(100_000), words)).toBeUndefined();
  expect(didYouMean('nod', words)).toBe('; did you mean "node"?');
  expect(didYouMean('socket', words)).toBe('');
});
