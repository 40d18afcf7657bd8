/** Picks from the configuration what tasks use, to be frozen into plans. */
import type { EngineOptions } from '#config/options.ts';
import type { TaskSettings } from '../flow/settings.ts';

export function taskSettings({
  general,
  hostFailure,
  instanceFailure,
  processFailure,
  engine,
}: EngineOptions): TaskSettings {
  return {
    waitPeriodAfterServiceUpdateMs: general.waitPeriodAfterServiceUpdateMs,
    waitPeriodAfterEvacuationMs: general.waitPeriodAfterEvacuationMs,
    waitPeriodAfterPowerOffMs: general.waitPeriodAfterPowerOffMs,
    waitPeriodAfterPowerOnMs: general.waitPeriodAfterPowerOnMs,
    verifyIntervalMs: general.verifyIntervalMs,
    heartbeatWaitMs: hostFailure.heartbeatWaitMs,
    outagePatienceMs: engine.outagePatienceMs,
    evacuateAllInstances: hostFailure.evacuateAllInstances,
    ignoreInstancesInErrorState: hostFailure.ignoreInstancesInErrorState,
    addReservedHostToAggregate: hostFailure.addReservedHostToAggregate,
    hostHaKey: hostFailure.haEnabledInstanceMetadataKey,
    hostDisableReason: hostFailure.serviceDisableReason,
    evacuationRetries: hostFailure.evacuationRetries,
    evacuationQueueWaitMs: hostFailure.evacuationQueueWaitMs,
    processAllInstances: instanceFailure.processAllInstances,
    instanceHaKey: instanceFailure.haEnabledInstanceMetadataKey,
    processDisableReason: processFailure.serviceDisableReason,
  };
}
