import { expect, test } from 'vitest';
import { withDollars } from './oslo-text.ts';

// Read by oslo.config 9.0 (Debian 12) from a StrOpt in this form.
test.each([
  ['p$$w0rd', 'p$w0rd'],
  [String.raw`p\$w0rd`, 'p$w0rd'],
  ['p$$$$', 'p$$'],
  ['cost 5$', 'cost 5$'],
  ['$1', '$1'],
  ['a$-b', 'a$-b'],
  ['$$name', '$name'],
  ['p$$$1', 'p$$1'],
  ['a;b#c', 'a;b#c'],
])('%s is %s', (text, expected) => {
  expect(withDollars(text)).toBe(expected);
});

test.each(['p$w0rd', ['$', '{host}'].join(''), '$group.name', '$$$name', '$_x', 'a$B'])(
  '%s refers to another option',
  (text) => {
    expect(withDollars(text)).toBeUndefined();
  },
);
