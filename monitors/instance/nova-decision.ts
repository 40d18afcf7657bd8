/**
 * Decides whether Nova confirms the failure of an instance. Pure.
 *
 * Invariant: an instance that Nova has on another host, or is removing, has not failed here. A start of it would create a
 * second copy, or one that its owner deleted.
 */

import { isSameHost } from '#protocol/host-name.ts';
import type { InstanceFacts } from '../service/monitor.ts';

export type NovaDecision = {
  readonly outcome: 'failure' | 'no failure' | 'not known';
  readonly reason: string;
};

/**
 * nova-compute itself stops an instance whose domain ended, in order or not, 15 s after libvirt's event
 * (`_lifecycle_delay` of nova/virt/libvirt/host.py). After that time "stopped" is no sign of a user's request.
 */
const NOVA_STOPS_AFTER_MS = 12_000;

const REMOVED_STATES = ['deleted', 'soft-delete', 'shelved_offloaded'];
const REMOVING_TASKS = ['deleting', 'soft-deleting', 'shelving_offloading'];
/**
 * While Nova starts or moves an instance (an evacuation is a rebuild), it detects the end itself or starts the instance:
 * the monitor waits for the result.
 */
const STARTING_TASKS =
  /^(powering-on|spawning|resuming|unshelving|restoring|(re)?boot.*|rebuil.*|resize_(reverting|finish))$/;
/** The states in which an instance should run. */
const LIVE_STATES = ['active', 'rescued', 'paused', 'resized', 'error'];

/** @param ageMs the age of the failure */
export function decideNova(
  facts: InstanceFacts | undefined,
  node: string,
  certainty: 'certain' | 'uncertain',
  ageMs: number,
): NovaDecision {
  const not = (reason: string): NovaDecision => ({ outcome: 'no failure', reason });
  if (facts === undefined) {
    return { outcome: certainty === 'certain' ? 'failure' : 'not known', reason: 'Nova could not be queried' };
  }
  if (facts.status === 'not found') return not('Nova knows no such instance');
  const vmState = facts.vmState?.toLowerCase() ?? '';
  const taskState = facts.taskState?.toLowerCase() ?? '';
  if (REMOVED_STATES.includes(vmState)) return not(`Nova has it as ${vmState}`);
  if (REMOVING_TASKS.includes(taskState)) return not(`Nova is ${taskState} it`);
  if (facts.host === null) return not('Nova has it on no host');
  if (!isSameHost(facts.host, node)) return not(`Nova has it on host ${facts.host}`);
  if (vmState === 'building') return not('Nova is still building it');
  if (certainty === 'certain') {
    if (ageMs < NOVA_STOPS_AFTER_MS && (taskState === 'powering-off' || vmState === 'stopped')) {
      return not('Nova stopped it');
    }
    if (STARTING_TASKS.test(taskState)) return { outcome: 'not known', reason: `Nova is working on it: ${taskState}` };
    return { outcome: 'failure', reason: `Nova has it as ${vmState}` };
  }
  if (taskState !== '') return { outcome: 'not known', reason: `Nova is working on it: ${taskState}` };
  if (!LIVE_STATES.includes(vmState)) return not(`Nova has it ${vmState ? `as ${vmState}` : 'in no state'}`);
  return { outcome: 'failure', reason: `Nova has it as ${vmState}` };
}
