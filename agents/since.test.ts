import { describe, expect, test } from 'vitest';
import { readSince } from './since.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

describe('--since', () => {
  test.each([
    ['90s', '2026-11-21T11:58:30.000Z'],
    ['15m', '2026-11-21T11:45:00.000Z'],
    ['2h', '2026-11-21T10:00:00.000Z'],
    ['7d', '2026-11-14T12:00:00.000Z'],
    ['2w', '2026-11-07T12:00:00.000Z'],
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T08:05', '2026-11-20T08:05:00.000Z'],
    ['2026-11-20 08:05:44', '2026-11-20T08:05:44.000Z'],
    ['2026-11-20T08:05:44.5Z', '2026-11-20T08:05:44.500Z'],
    ['2026-11-20T08:05+02:00', '2026-11-20T06:05:00.000Z'],
    ['999999w', '1970-01-01T00:00:00.000Z'],
  ])('takes %s', (text, time) => {
    expect(new Date(readSince(text, NOW)).toISOString()).toBe(time);
  });

  test.each(['', 'now', '5', '5 m', '-5m', '5y', '2026', '2026-13-01', '21.11.2026', '12:00', '1763712000'])(
    'refuses %s',
    (text) => {
      expect(() => readSince(text, NOW)).toThrow('is not a time; write a duration such as');
    },
  );
});
