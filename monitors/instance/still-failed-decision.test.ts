import { expect, test } from 'vitest';
import { PAUSED, STATE } from '../libvirt/constants.ts';
import type { Failure } from './failure.ts';
import { type LibvirtNow, type StillSo, stillSo } from './still-so.ts';

const DOMAIN = { name: 'instance-00000001', uuid: '11111111-0000-4000-8000-000000000001', id: 7 };

const failure = (kind: Failure['kind'], mends: Failure['mends']): Failure => ({
  ...{ domain: DOMAIN, kind, life: 7, at: 0, certainty: 'certain', mends },
});
const state = (number: number, reason = 0): LibvirtNow => ({ state: number, reason });

const KILLED = failure('killed', 'never');
const PANICKED = failure('panicked', 'maybe');
const STANDS = failure('io-error', 'maybe');

test.each<[string, Failure, LibvirtNow, StillSo]>([
  ['a death stays one when libvirt cannot be asked', KILLED, 'lost', 'yes'],
  ['a death stays one when the domain is gone', KILLED, 'gone', 'yes'],
  ['a death stays one in a domain that is off', KILLED, state(STATE.shutoff), 'ended'],
  ['a death stays one while libvirt still puts its domain down', KILLED, state(STATE.shutdown), 'yes'],
  ['a death is over in a domain that runs again', KILLED, state(STATE.running), 'runs'],
  ['a death is over in a domain that is being started', KILLED, state(STATE.paused), 'runs'],
  ['what stands still is left to the next listing when libvirt cannot be asked', STANDS, 'lost', 'no'],
  ['what stands still is left alone when the domain is gone', STANDS, 'gone', 'no'],
  ['what stands still is a failure as long as it stands', STANDS, state(STATE.paused, PAUSED.ioError), 'yes'],
  ['what stood still and runs again is none', STANDS, state(STATE.running), 'runs'],
  ['what stood still and is off is another matter', STANDS, state(STATE.shutoff), 'no'],
  ['a panic stays one in a guest that stands crashed', PANICKED, state(STATE.crashed), 'yes'],
  ['a panic stays one in a guest that was ended for it', PANICKED, state(STATE.shutoff), 'ended'],
  ['a panic is over in a guest that was restarted for it', PANICKED, state(STATE.running), 'runs'],
])('%s', (_, failed, now, expected) => {
  expect(stillSo(failed, false, now)).toBe(expected);
});

test('an end that was told meanwhile stays one without libvirt', () => {
  expect(stillSo(PANICKED, true, 'lost')).toBe('yes');
  expect(stillSo(PANICKED, false, 'lost')).toBe('no');
});
