/**
 * Gate `startup-grace`: an engine holds recoveries for a time after its start. Pure.
 *
 * Why: after a failure of the controllers, reports of many hosts wait in the outboxes. An engine that recovers the first one at once does
 * not know yet how many there are.
 */
import { type Gate, PASS } from './gate.ts';

export const startupGrace: Gate = {
  name: 'startup-grace',
  decide: ({ kind, hasStarted, engineAgeMs, limits: { startupGraceMs } }) => {
    if (kind === 'HOST_RETURN' || hasStarted || engineAgeMs >= startupGraceMs) return PASS;
    const reason = `the engine has just started, and [gates] startup_grace is ${startupGraceMs / 1000} s`;
    return { do: 'hold', reason, readAgainMs: startupGraceMs - engineAgeMs };
  },
};
