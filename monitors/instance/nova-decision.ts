/**
 * Does Nova bear out that an instance failed? Pure.
 *
 * Invariant: an instance that Nova has elsewhere, or is doing away with, has not failed here: to start it would be a second
 * copy, or one that nobody wants.
 */

import { isSameHost } from '#protocol/host-name.ts';
import type { InstanceFacts } from '../monitor.ts';

export type NovaVerdict = {
  readonly verdict: 'failure' | 'no failure' | 'not known';
  readonly reason: string;
};

/**
 * nova-compute itself stops an instance whose domain ended, in order or not, 15 s after libvirt told it
 * (`_lifecycle_delay` of nova/virt/libvirt/host.py). From then on "stopped" is no sign that somebody wanted it.
 */
const NOVA_STOPS_AFTER_MS = 12_000;

const REMOVED_STATES = ['deleted', 'soft-delete', 'shelved_offloaded'];
const REMOVING_TASKS = ['deleting', 'soft-deleting', 'shelving_offloading'];
/**
 * While Nova starts an instance, or moves it (an evacuation is a rebuild), it sees the end itself or makes a new beginning:
 * what it comes to is waited for.
 */
const STARTING_TASKS =
  /^(powering-on|spawning|resuming|unshelving|restoring|(re)?boot.*|rebuil.*|resize_(reverting|finish))$/;
/** In which an instance should run. */
const LIVE_STATES = ['active', 'rescued', 'paused', 'resized', 'error'];

/** @param ageMs how long ago it failed */
export function judgeNova(
  facts: InstanceFacts | undefined,
  node: string,
  certainty: 'certain' | 'uncertain',
  ageMs: number,
): NovaVerdict {
  const not = (reason: string): NovaVerdict => ({ verdict: 'no failure', reason });
  if (facts === undefined) {
    return { verdict: certainty === 'certain' ? 'failure' : 'not known', reason: 'Nova could not be asked' };
  }
  if (facts.status === 'not found') return not('Nova knows no such instance');
  const vmState = facts.vmState?.toLowerCase() ?? '';
  const taskState = facts.taskState?.toLowerCase() ?? '';
  if (REMOVED_STATES.includes(vmState)) return not(`Nova says that it is ${vmState}`);
  if (REMOVING_TASKS.includes(taskState)) return not(`Nova is ${taskState} it`);
  if (facts.host === null) return not('Nova has it on no host');
  if (!isSameHost(facts.host, node)) return not(`Nova has it on host ${facts.host}`);
  if (vmState === 'building') return not('Nova is still building it');
  if (certainty === 'certain') {
    if (ageMs < NOVA_STOPS_AFTER_MS && (taskState === 'powering-off' || vmState === 'stopped')) {
      return not('Nova stopped it');
    }
    if (STARTING_TASKS.test(taskState)) return { verdict: 'not known', reason: `Nova is at it: ${taskState}` };
    return { verdict: 'failure', reason: `Nova says ${vmState}` };
  }
  if (taskState !== '') return { verdict: 'not known', reason: `Nova is at it: ${taskState}` };
  if (!LIVE_STATES.includes(vmState)) return not(`Nova says that it is ${vmState || 'in no state'}`);
  return { verdict: 'failure', reason: `Nova says ${vmState}` };
}
