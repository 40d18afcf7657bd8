/**
 * Gate `failed-instances`: holds recoveries of instances while many instances of one host have failed and wait. Pure.
 *
 * Why: a storage or network outage ends many guests of a host at the same time. Stopping and starting all of them would not help while the
 * outage lasts, and would load the storage when it ends. Hosts of which many instances fail are an operator's decision.
 */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const failedInstances: Gate = {
  name: 'failed-instances',
  decide: ({ kind, host, hasStarted, isApproved, waitingInstances, limits: { maxInstancesOfHost } }) => {
    if (kind !== 'VM' || hasStarted || isApproved || maxInstancesOfHost === 0) return PASS;
    if (waitingInstances <= maxInstancesOfHost) return PASS;
    return {
      do: 'hold',
      reason: `more than ${maxInstancesOfHost} instances of host '${host}' have failed and wait ([gates] max_instances_of_host); "recovery-agent approve" starts it anyway`,
      readAgainMs: READ_AGAIN_MS,
    };
  },
};
