import { expect, it } from 'vitest';
import { CountedLines } from './counted-lines.ts';

it('counts lines that differ in names and numbers only, and keeps a single line as it is', () => {
  const counts = new CountedLines();
  const add = (at: number, source: string, text: string): void => counts.add({ at, source, text });
  add(1, 'cloud', 'evacuate vm-1 (node-1)');
  add(2, 'node-1', 'recovery ends finished uuid=notification-7');
  add(3, 'cloud', 'evacuate vm-20 (node-2)');
  expect(counts.lines).toEqual([
    { at: 1, source: 'cloud', text: 'evacuate vm-N (node-N) (2 times, last at 3.000)' },
    { at: 2, source: 'node-1', text: 'recovery ends finished uuid=notification-7' },
  ]);
});
