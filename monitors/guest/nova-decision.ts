/**
 * Decides from Nova's facts whether a guest is reported. Pure.
 *
 * Invariant: an instance is not reported if Nova is working on it, has it on another host, or has halted it for a user.
 * If Nova cannot be queried the instance is reported: the engine queries Nova itself before it acts.
 */

import { isSameHost } from '#protocol/host-name.ts';
import type { InstanceFacts } from '../service/monitor.ts';

/** vm_state of an instance that should be running (nova/compute/vm_states.py); `error` is left to the engine's options. */
const RUNNING_STATES = ['active', 'resized', 'error'];

/** Why the report is held back now; undefined if it is sent. */
export function reasonToHold(facts: InstanceFacts | undefined, node: string): string | undefined {
  if (facts === undefined) return undefined;
  if (facts.status === 'not found') return 'Nova knows no such instance';
  if (facts.host !== null && !isSameHost(facts.host, node)) return `Nova has it on ${facts.host}`;
  if (facts.taskState !== null) return `Nova is working on it: ${facts.taskState}`;
  if (facts.vmState !== null && !RUNNING_STATES.includes(facts.vmState)) return `Nova has it as ${facts.vmState}`;
  return undefined;
}
