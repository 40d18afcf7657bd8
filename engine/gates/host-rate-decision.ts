/**
 * Gate `host-rate`: holds the recovery of a further host if the recoveries of many hosts have started within an interval. Pure.
 *
 * Why: the share of failed hosts stays small in a large cloud, and falls again when hosts return. Hosts that fail one after another for
 * hours have one cause, which an operator should find before the next host is evacuated.
 */
import { type Gate, PASS } from './gate.ts';

export const hostRate: Gate = {
  name: 'host-rate',
  decide: ({ kind, hasStarted, isApproved, startedMsAgo, limits: { maxHosts, maxHostsIntervalMs } }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || isApproved || maxHosts === 0) return PASS;
    const recent = startedMsAgo.filter((ms) => ms < maxHostsIntervalMs);
    if (recent.length < maxHosts) return PASS;
    const within = `${maxHostsIntervalMs / 1000} s`;
    return {
      do: 'hold',
      reason: `recoveries of ${recent.length} hosts started within ${within}, and [gates] max_hosts is ${maxHosts}; "recovery-agent approve" starts it anyway`,
      readAgainMs: Math.max(1, maxHostsIntervalMs - Math.max(...recent)),
    };
  },
};
