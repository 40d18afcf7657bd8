import { expect, test } from 'vitest';
import { DEFAULT_OPTIONS } from './options.ts';
import { DEFAULT_TASK_SETTINGS, taskSettings } from './task-settings.ts';

test('the names of the settings in stored plans do not change', () => {
  expect(DEFAULT_TASK_SETTINGS).toEqual({
    waitPeriodAfterServiceUpdateMs: 180_000,
    waitPeriodAfterEvacuationMs: 90_000,
    waitPeriodAfterPowerOffMs: 180_000,
    waitPeriodAfterPowerOnMs: 60_000,
    verifyIntervalMs: 1000,
    heartbeatWaitMs: 25_000,
    returnQuarantineMs: 0,
    outageTimeoutMs: 600_000,
    evacuateAllInstances: true,
    ignoreInstancesInErrorState: false,
    addReservedHostToAggregate: false,
    hostHaKey: 'HA_Enabled',
    hostDisableReason: 'Masakari detected host failed.',
    evacuationRetries: 3,
    evacuationQueueWaitMs: 120_000,
    processAllInstances: false,
    instanceHaKey: 'HA_Enabled',
    processDisableReason: 'Masakari detected process failed.',
    reachableNetworks: [],
    reachableProbe: 'tcp',
    reachablePort: 22,
    reachablePath: '/',
    reachableTimeoutMs: 300_000,
    reachableKey: 'ha_reachable',
    orderPriorityKey: 'instanceha:restart_priority',
    orderGroupKey: 'instanceha:restart_group',
    orderPhases: 'none',
    excludedNames: [],
    excludedFlavors: [],
    excludedImages: [],
    excludedTags: [],
    excludedMetadata: [],
    evacuableOnly: false,
    evacuableTag: 'evacuable',
    evacuableImages: [],
  });
});

test('a setting has the value of its option', () => {
  const hostFailure = { ...DEFAULT_OPTIONS.hostFailure, haEnabledInstanceMetadataKey: 'ha' };
  const settings = taskSettings({ ...DEFAULT_OPTIONS, hostFailure });
  expect(settings).toEqual({ ...DEFAULT_TASK_SETTINGS, hostHaKey: 'ha' });
});
