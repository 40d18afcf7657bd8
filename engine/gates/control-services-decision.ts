/**
 * Gate `control-services`: holds recoveries of hosts while no nova-scheduler or no nova-conductor reports to Nova. Pure.
 *
 * Why: Nova accepts an evacuation although no service carries it out. The instance stays in the task state `rebuilding`, or ends in `error`, and an
 * operator has to reset it. While they are away, a wait costs nothing that a call would not cost too.
 */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const controlServices: Gate = {
  name: 'control-services',
  decide: ({ kind, hasStarted, isApproved, deadServices, limits }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || isApproved || !limits.holdWithoutScheduler) return PASS;
    if (deadServices === undefined || deadServices.length === 0) return PASS;
    const reason = `no ${deadServices.join(' and no ')} reports to Nova; "recovery-agent approve" starts it anyway`;
    return { do: 'hold', reason, readAgainMs: READ_AGAIN_MS };
  },
};
