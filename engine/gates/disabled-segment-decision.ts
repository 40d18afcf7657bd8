/**
 * Gate `disabled-segment`: holds recoveries of the hosts of a segment that the configuration disables. Pure.
 *
 * Why: the failure is not forgotten. A host that is still down when the segment is enabled again is recovered then. Failures of instances and
 * processes are refused when they are reported: it is not known later whether they still hold.
 */
import { type Gate, PASS, READ_AGAIN_MS } from './gate.ts';

export const disabledSegment: Gate = {
  name: 'disabled-segment',
  decide: ({ kind, hasStarted, disabledSegment: segment }) => {
    if (kind !== 'COMPUTE_HOST' || hasStarted || segment === undefined) return PASS;
    const reason = `segment ${segment} is disabled; it starts when the segment is enabled`;
    return { do: 'hold', reason, readAgainMs: READ_AGAIN_MS };
  },
};
