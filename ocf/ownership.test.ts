import { describe, expect, it } from 'vitest';
import type { EngineProcess } from './engine-process.ts';
import { ownershipOf } from './ownership.ts';
import { readParameters } from './parameters.ts';
import type { Resource } from './resource.ts';

const ENGINE: EngineProcess = {
  name: { pid: 42, startTime: '1', bootId: 'b' },
  resource: 'recovery',
  journal: '/shared/journal.db',
  socket: '/run/recovery-agent/engine.sock',
  pidfile: '/run/recovery-agent/engine.pid',
  config: undefined,
};

function resource(name: string | undefined, values: Readonly<Record<string, string>> = {}): Resource {
  const environment = Object.fromEntries(Object.entries(values).map(([key, value]) => [`OCF_RESKEY_${key}`, value]));
  return { name, parameters: readParameters(environment).parameters };
}

const ELSEWHERE = { journal: '/j/2.db', socket: '/run/2.sock', pidfile: '/run/2.pid', config: '/etc/2.conf' };

describe('an engine with a resource name', () => {
  it.each([
    ['nothing has changed', resource('recovery', { journal: '/shared/journal.db' }), 'ours'],
    ['all but the journal has changed', resource('recovery', { ...ELSEWHERE, journal: '/shared//journal.db' }), 'ours'],
    ['all but the configuration has changed', resource('recovery', { ...ELSEWHERE, config: '' }), 'ours'],
    ['parameters are invalid', resource('recovery', { socket: 'a', pidfile: 'b', journal: 'c' }), 'ours'],
    ['it shares nothing with the resource', resource('recovery', ELSEWHERE), 'unknown'],
    ['it is of another resource', resource('other', { journal: '/shared/journal.db' }), 'of another resource'],
    ['the caller gave no name', resource(undefined, { ...ELSEWHERE, journal: '/shared/journal.db' }), 'ours'],
    [
      'the caller gave no name and shares no more than the configuration',
      resource(undefined, { ...ELSEWHERE, config: '' }),
      'unknown',
    ],
  ])('when %s', (_, own, ownership) => {
    expect(ownershipOf(ENGINE, own)).toBe(ownership);
  });
});

it('without a resource name is ours by a value that only one engine can have', () => {
  const byHand = { ...ENGINE, resource: undefined };
  expect(ownershipOf(byHand, resource('recovery', { ...ELSEWHERE, socket: ENGINE.socket ?? '' }))).toBe('ours');
  expect(ownershipOf(byHand, resource('recovery', { ...ELSEWHERE, config: '' }))).toBe('unknown');
});
