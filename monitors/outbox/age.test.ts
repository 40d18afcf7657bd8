import { expect, test } from 'vitest';
import { ageAt, isStale, momentNow } from './age.ts';

const HOUR = 3_600_000;
const written = { wallMs: 100 * HOUR, bootId: 'a', uptimeMs: HOUR };

test.each([
  ['a second later', { wallMs: written.wallMs + 1000, bootId: 'a', uptimeMs: HOUR + 1000 }, 1000, 'this', false],
  [
    'the wall clock jumped ahead by a year',
    { wallMs: 9_000 * HOUR, bootId: 'a', uptimeMs: HOUR + 1000 },
    1000,
    'this',
    false,
  ],
  ['the wall clock jumped back', { wallMs: 0, bootId: 'a', uptimeMs: 3 * HOUR }, 2 * HOUR, 'this', true],
  ['after a reboot', { wallMs: 101 * HOUR, bootId: 'b', uptimeMs: 1000 }, HOUR, 'earlier', true],
  ['after a reboot with a wall clock of 1970', { wallMs: 0, bootId: 'b', uptimeMs: 1000 }, 1000, 'earlier', true],
  ['after a reboot within the second', { wallMs: written.wallMs, bootId: 'b', uptimeMs: 5 }, 5, 'earlier', true],
  ['in a container that was started again', { wallMs: 101 * HOUR, bootId: 'a', uptimeMs: 5 }, HOUR, 'earlier', true],
] as const)('%s', (_, now, ms, boot, stale) => {
  const age = ageAt(now, written);
  expect(age).toEqual({ ms, boot });
  expect(isStale(age, 60_000)).toBe(stale);
});

test('the current moment of this machine can be read', () => {
  const now = momentNow();
  expect(now.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(ageAt(momentNow(), now).boot).toBe('this');
  expect(now.uptimeMs).toBeGreaterThan(0);
});
