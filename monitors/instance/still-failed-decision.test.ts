import { expect, test } from 'vitest';
import { PAUSED, STATE } from '../libvirt/constants.ts';
import type { Failure } from './failure.ts';
import { type LibvirtNow, type StillSo, stillSo } from './still-failed-decision.ts';

const DOMAIN = { name: 'instance-00000001', uuid: '11111111-0000-4000-8000-000000000001', id: 7 };

const failure = (kind: Failure['kind'], recovers: Failure['recovers']): Failure => ({
  ...{ domain: DOMAIN, kind, life: 7, at: 0, certainty: 'certain', recovers },
});
const state = (number: number, reason = 0): LibvirtNow => ({ state: number, reason });

const KILLED = failure('killed', 'never');
const PANICKED = failure('panicked', 'maybe');
const STILL_FAILED = failure('io-error', 'maybe');

test.each<[string, Failure, LibvirtNow, StillSo]>([
  ['a death is still one if libvirt cannot be queried', KILLED, 'lost', 'yes'],
  ['a death is still one if the domain no longer exists', KILLED, 'gone', 'yes'],
  ['a death is still one in a domain that is off', KILLED, state(STATE.shutoff), 'ended'],
  ['a death is still one while libvirt shuts its domain down', KILLED, state(STATE.shutdown), 'yes'],
  ['a death is over in a domain that runs again', KILLED, state(STATE.running), 'runs'],
  ['a death is over in a domain that is being started', KILLED, state(STATE.paused), 'runs'],
  ['a stopped guest waits for the next listing if libvirt cannot be queried', STILL_FAILED, 'lost', 'no'],
  ['a stopped guest is ignored if the domain no longer exists', STILL_FAILED, 'gone', 'no'],
  ['a stopped guest is a failure while it is stopped', STILL_FAILED, state(STATE.paused, PAUSED.ioError), 'yes'],
  ['a stopped guest that runs again is no failure', STILL_FAILED, state(STATE.running), 'runs'],
  ['a stopped guest that is off is not this failure', STILL_FAILED, state(STATE.shutoff), 'no'],
  ['a panic is still one in a guest in state crashed', PANICKED, state(STATE.crashed), 'yes'],
  ['a panic is still one in a guest that libvirt stopped for it', PANICKED, state(STATE.shutoff), 'ended'],
  ['a panic is over in a guest that was restarted for it', PANICKED, state(STATE.running), 'runs'],
])('%s', (_, failed, now, expected) => {
  expect(stillSo(failed, false, now)).toBe(expected);
});

test('an end reported by an event in the meantime counts without libvirt', () => {
  expect(stillSo(PANICKED, true, 'lost')).toBe('yes');
  expect(stillSo(PANICKED, false, 'lost')).toBe('no');
});
