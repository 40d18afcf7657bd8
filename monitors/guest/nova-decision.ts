/**
 * What Nova has to say before a guest is reported. Pure.
 *
 * Invariant: an instance that Nova is working on, has moved, or has halted on somebody's word is not reported. When nobody
 * can be asked it is: the engine asks Nova itself before it acts.
 */

import { isSameHost } from '#protocol/host-name.ts';
import type { InstanceFacts } from '../monitor.ts';

/** vm_state of an instance that should be running (nova/compute/vm_states.py); `error` is left to the engine's options. */
const RUNNING_STATES = ['active', 'resized', 'error'];

/** Why it is not reported now; undefined when it is. */
export function reasonToHold(facts: InstanceFacts | undefined, node: string): string | undefined {
  if (facts === undefined) return undefined;
  if (facts.status === 'not found') return 'Nova knows no such instance';
  if (facts.host !== null && !isSameHost(facts.host, node)) return `Nova has it on ${facts.host}`;
  if (facts.taskState !== null) return `Nova is working on it: ${facts.taskState}`;
  if (facts.vmState !== null && !RUNNING_STATES.includes(facts.vmState)) return `Nova has it as ${facts.vmState}`;
  return undefined;
}
