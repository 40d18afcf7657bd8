/**
 * Gate `maintenance`: holds recoveries of a host that an operator keeps for work on it. Pure.
 *
 * Why: a host that is switched off for maintenance is no failure, and its instances were moved before. If the host is still down when the
 * maintenance ends, it is recovered then; if it has come back, its recovery ends without an action.
 */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const maintenance: Gate = {
  name: 'maintenance',
  decide: ({ kind, host, hasStarted, isApproved, maintenance: work }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || isApproved || work === undefined) return PASS;
    const why = work.reason === null ? '' : ` (${work.reason})`;
    const reason = `host '${host}' is in maintenance by ${work.by}${why}; "recovery-agent host ${host} --maintenance no" ends it`;
    return { do: 'hold', reason, readAgainMs: READ_AGAIN_MS };
  },
};
