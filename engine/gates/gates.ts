/** The gates in the order in which they decide. The first one that holds a recovery gives the reason. Pure. */
import { controlServices } from './control-services-decision.ts';
import { disabledSegment } from './disabled-segment-decision.ts';
import { failedHosts } from './failed-hosts-decision.ts';
import { failedInstances } from './failed-instances-decision.ts';
import type { Gate, GateDecision, GateFacts } from './gate.ts';
import { hostRate } from './host-rate-decision.ts';
import { maintenance } from './maintenance-decision.ts';
import { pause } from './pause-decision.ts';
import { proofOfDeath } from './proof-of-death-decision.ts';
import { silentServices } from './silent-services-decision.ts';
import { startupGrace } from './startup-grace-decision.ts';

export const GATES: readonly Gate[] = [
  pause,
  startupGrace,
  disabledSegment,
  maintenance,
  silentServices,
  controlServices,
  failedHosts,
  hostRate,
  failedInstances,
  // The last one: a program that fences runs for no recovery that another gate holds.
  proofOfDeath,
];

/** Whether a recovery may start. The reason of a hold begins with the name of the gate. */
export function passGates(facts: GateFacts, gates: readonly Gate[] = GATES): GateDecision & { readonly gate?: string } {
  for (const { name, decide } of gates) {
    const decision = decide(facts);
    if (decision.do === 'hold') return { ...decision, gate: name, reason: `Held by gate ${name}: ${decision.reason}.` };
  }
  return { do: 'pass' };
}
