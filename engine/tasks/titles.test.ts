import { expect, test } from 'vitest';
import { BUILT_IN_TASKS } from './registry.ts';
import { titleOf } from './titles.ts';

test('every built-in task has the class name that Masakari gives it, and a task of an operator its own name', () => {
  const titles = [...BUILT_IN_TASKS.keys()].map(titleOf);
  for (const title of titles) expect(title).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(new Set(titles).size).toBe(BUILT_IN_TASKS.size);
  expect([titleOf('alert'), titleOf('constructor')]).toEqual(['alert', 'constructor']);
});
