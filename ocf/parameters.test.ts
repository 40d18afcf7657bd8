import { expect, it } from 'vitest';
import { readParameters } from './parameters.ts';

it('reads the defaults without a single variable', () => {
  const { parameters, faults } = readParameters({});
  expect(faults).toEqual([]);
  expect(parameters).toMatchObject({ journal: '', socket: '/run/recovery-agent/engine.sock', log_level: 'info' });
});

it.each([
  ['socket', 'engine.sock', '', /parameter socket must be an absolute path, not "engine.sock"/],
  ['pidfile', '/run/a\nb', '', /parameter pidfile must be an absolute path/],
  ['socket', `/${'s'.repeat(107)}`, '', /parameter socket is longer than 107 bytes/],
  ['log_level', 'verbose', 'info', /parameter log_level must be one of debug, info, warning, error/],
])('leaves out an invalid %s (%j) and states what is wrong', (name, value, read, fault) => {
  const { parameters, faults } = readParameters({
    [`OCF_RESKEY_${name}`]: value,
    OCF_RESKEY_journal: '/shared/journal.db',
  });
  expect(parameters).toMatchObject({ [name]: read, journal: '/shared/journal.db' });
  expect(faults).toEqual([expect.stringMatching(fault)]);
});
