import { expect, it } from 'vitest';
import { isAlertCall, ocfAction } from './invocation.ts';

it.each([
  ['/usr/lib/ocf/resource.d/openstack/recovery-agent', ['monitor'], 'monitor'],
  ['/usr/lib/ocf/resource.d/openstack/recovery-agent', ['list', '--json'], 'list'],
  ['/usr/lib/ocf/resource.d/openstack/recovery-agent', [], ''],
  ['/usr/sbin/recovery-agent', ['monitor'], undefined],
  ['/usr/sbin/recovery-agent', ['stop'], undefined],
  ['/usr/sbin/recovery-agent', [], undefined],
  ['recovery-agent', ['meta-data'], 'meta-data'],
  ['recovery-agent', ['validate-all'], 'validate-all'],
])('%s %j is the action %j', (argv0, argv, action) => {
  expect(ocfAction(argv0, argv)).toBe(action);
});

it('does not take a call with an argument for an alert', () => {
  expect(isAlertCall(['notify'], { CRM_alert_kind: 'fencing' })).toBe(false);
  expect(isAlertCall([], {})).toBe(false);
});
