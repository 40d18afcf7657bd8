/** The options that tasks use. They are frozen into the plan, so that a resumed flow behaves as it began. Times in ms. */
export interface TaskSettings {
  readonly waitPeriodAfterServiceUpdateMs: number;
  readonly waitPeriodAfterEvacuationMs: number;
  readonly waitPeriodAfterPowerOffMs: number;
  readonly waitPeriodAfterPowerOnMs: number;
  readonly verifyIntervalMs: number;
  /** Missing in plans of version 0.1. */
  readonly heartbeatWaitMs?: number;
  readonly outagePatienceMs: number;
  readonly evacuateAllInstances: boolean;
  readonly ignoreInstancesInErrorState: boolean;
  readonly addReservedHostToAggregate: boolean;
  readonly hostHaKey: string;
  readonly hostDisableReason: string;
  readonly evacuationRetries: number;
  readonly evacuationQueueWaitMs: number;
  readonly processAllInstances: boolean;
  readonly instanceHaKey: string;
  readonly processDisableReason: string;
}
