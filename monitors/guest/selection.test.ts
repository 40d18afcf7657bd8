import { expect, test } from 'vitest';
import { guestMonitor } from '#config/options/guest-monitor.ts';
import { readSelection } from './selection.ts';

const UUID = '11111111-0000-4000-8000-000000000001';
const INSTANCE = { flavor: 'large with blanks', project: 'p1', extraSpecs: new Map([['trait:HA', 'required']]) };

test.each([
  ['all', true],
  [`uuid:${UUID}`, true],
  ['uuid:11111111-0000-4000-8000-000000000002', false],
  ['flavor:large with blanks', true],
  ['flavor:large', false],
  ['project:p2, project:p1', true],
  ['flavor:small\nextra_spec:trait:HA=required', true],
  ['extra_spec:trait:HA=forbidden', false],
])('"%s" selects it: %s', (written, expected) => {
  expect(guestMonitor.guests.parse(written)).toEqual({ value: written });
  expect(readSelection(written)(UUID, INSTANCE)).toBe(expected);
});

test.each(['', 'some', 'flavor:', 'flavour:a', 'all, flavor:a'])('"%s" is refused by the options', (written) => {
  expect(guestMonitor.guests.parse(written)).toHaveProperty('fault');
});

test('an extra spec without a value is refused when the monitor is made', () => {
  expect(() => readSelection('extra_spec:evacuable')).toThrow(/NAME=VALUE/);
});
