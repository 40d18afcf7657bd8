/**
 * Gate `silent-services`: holds recoveries of hosts while no compute service reports to Nova. Pure.
 *
 * Why: that all hosts fail together is less likely than a failure of Nova's message queue or database. No host could take an instance, and
 * each evacuation would end in an error. Services that are forced down do not count: Nova ignores their reports.
 */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const silentServices: Gate = {
  name: 'silent-services',
  decide: ({ kind, hasStarted, isApproved, silentServices: services, limits: { holdWithoutServices } }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || isApproved || !holdWithoutServices) return PASS;
    // With one host the failed host is all of them.
    if (services === undefined || services.all < 2 || services.failed < services.all) return PASS;
    return {
      do: 'hold',
      reason: `none of ${services.all} compute services reports to Nova; "recovery-agent approve" starts it anyway`,
      readAgainMs: READ_AGAIN_MS,
    };
  },
};
