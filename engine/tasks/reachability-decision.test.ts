import { describe, expect, it } from 'vitest';
import { POWER_STATE } from '../cloud/cloud.ts';
import { decideTarget } from './reachability-decision.ts';

const SETTINGS = { reachableNetworks: ['203.0.113.0/24', '2001:db8::/64'], reachableKey: 'ha_reachable' };
const WEB = {
  uuid: 'u',
  name: 'web',
  host: 'c2',
  vmState: 'active',
  taskState: null,
  powerState: POWER_STATE.RUNNING,
  locked: false,
  metadata: {},
  projectId: 'p',
  userId: 'a',
  addresses: ['192.168.0.4', '203.0.113.7', '2001:db8::7'],
};

describe('an instance that was moved', () => {
  it('is tried at its addresses in the networks of the operator, and at no other', () => {
    expect(decideTarget(WEB, SETTINGS)).toEqual({ try: 'yes', addresses: ['203.0.113.7', '2001:db8::7'] });
  });

  it.each([
    ['is on another host', undefined, 'it is not on the host'],
    ['is stopped', { ...WEB, vmState: 'stopped' }, 'it is stopped'],
    ['does not want it', { ...WEB, metadata: { ha_reachable: 'False' } }, 'its metadata ha_reachable is false'],
    ['has only private addresses', { ...WEB, addresses: ['192.168.0.4', '127.0.0.1'] }, 'no address in the networks'],
    ['has none', { ...WEB, addresses: ['garbage'] }, 'no address in the networks'],
  ])('is not tried if it %s', (_, instance, reason) => {
    expect(decideTarget(instance, SETTINGS)).toEqual({ try: 'no', reason: expect.stringContaining(reason) });
  });
});
