import { expect, test } from 'vitest';
import { POLICY_OPTIONS } from '../pipelines/task-policies.ts';
import { DEFAULT_OPTIONS, OPTIONS } from './options.ts';

test('the written default of every option is its default', () => {
  for (const spec of [...OPTIONS.map((entry) => entry.spec), ...POLICY_OPTIONS]) {
    expect(spec.parse(spec.written), spec.name).toEqual({ value: spec.fallback });
  }
});

test('no option is in a section twice, and each has one line of help', () => {
  const names = OPTIONS.map((entry) => `${entry.section}/${entry.spec.name}`);
  expect(new Set(names).size).toBe(names.length);
  for (const { spec } of OPTIONS) expect(spec.help, spec.name).toMatch(/^[A-Z].{10,}\.$/);
});

test('durations are seconds in the file and milliseconds in the program', () => {
  expect(DEFAULT_OPTIONS.general.verifyIntervalMs).toBe(1000);
  expect(DEFAULT_OPTIONS.general.notificationsExpiredIntervalMs).toBe(86_400_000);
  for (const { field, spec } of OPTIONS) expect(field.endsWith('Ms'), field).toBe(spec.takes.startsWith('seconds'));
});

test('the defaults are those of Masakari', () => {
  const { general, nova, hostFailure, instanceFailure, processFailure } = DEFAULT_OPTIONS;
  expect(general).toEqual({
    duplicateNotificationDetectionIntervalMs: 180_000,
    waitPeriodAfterServiceUpdateMs: 180_000,
    waitPeriodAfterEvacuationMs: 90_000,
    verifyIntervalMs: 1000,
    waitPeriodAfterPowerOffMs: 180_000,
    waitPeriodAfterPowerOnMs: 60_000,
    processUnfinishedNotificationsIntervalMs: 120_000,
    retryNotificationNewStatusIntervalMs: 60_000,
    checkExpiredNotificationsIntervalMs: 600_000,
    notificationsExpiredIntervalMs: 86_400_000,
    hostFailureRecoveryThreads: 3,
  });
  expect(nova.novaCatalogAdminInfo).toBe('compute:nova:publicURL');
  expect(nova.osUserDomainName).toBe('default');
  expect(hostFailure).toEqual({
    fencingProof: 'checked',
    evacuateAllInstances: true,
    haEnabledInstanceMetadataKey: 'HA_Enabled',
    ignoreInstancesInErrorState: false,
    addReservedHostToAggregate: false,
    serviceDisableReason: 'Masakari detected host failed.',
    maxEvacuationsInFlight: 32,
    evacuationRetries: 3,
    acceptedProofs: ['silence'],
    watchdogTimeoutMs: 0,
    returnQuarantineMs: 0,
    heartbeatWaitMs: 25_000,
    evacuationQueueWaitMs: 120_000,
  });
  expect(instanceFailure).toEqual({ processAllInstances: false, haEnabledInstanceMetadataKey: 'HA_Enabled' });
  expect(processFailure).toEqual({ serviceDisableReason: 'Masakari detected process failed.' });
});

test('ours have sensible defaults', () => {
  expect(DEFAULT_OPTIONS.journal).toEqual({
    path: '/var/lib/recovery-agent/journal.db',
    mountPoint: '',
    allowStorage: [],
    lockTimeoutMs: 90_000,
    confirmDelayMs: 2000,
    retentionMs: 90 * 86_400_000,
    retentionCount: 100_000,
    auditRetentionMs: 365 * 86_400_000,
    auditCount: 100_000,
  });
  expect(DEFAULT_OPTIONS.engine).toEqual({
    socket: '/run/recovery-agent/engine.sock',
    node: '',
    renewalIntervalMs: 10_000,
    leaseTimeoutMs: 30_000,
    maxConcurrentRecoveries: 16,
    maxRecoveriesPerProject: 4,
    maxResumes: 5,
    outageTimeoutMs: 600_000,
    taskTimeoutMs: 3_600_000,
    taskRetries: 0,
    taskRetryDelayMs: 5000,
    logLevel: 'info',
    recoveryMethodsConfig: '/etc/recovery-agent/custom-recovery-methods.conf',
  });
  expect(DEFAULT_OPTIONS.cloud).toEqual({
    driver: 'openstack',
    cloud: '',
    cloudsFile: '',
    simulatedAddress: '',
    connectTimeoutMs: 5000,
    requestTimeoutMs: 60_000,
  });
});
