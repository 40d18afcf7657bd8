import { expect, it } from 'vitest';
import { reasonLine } from './reason.ts';

it('is one line, for any reason', () => {
  expect(reasonLine('a.conf:1:1: first\n\na.conf:2:1: \u001b[31msecond\r\n')).toBe(
    'ocf-exit-reason:a.conf:1:1: first; a.conf:2:1:  [31msecond',
  );
});

it('has a limited length', () => {
  expect(reasonLine('x'.repeat(5_000)).length).toBeLessThan(1_100);
});
