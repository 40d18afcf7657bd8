/**
 * The meaning for a step of a call that Nova did not accept. Pure.
 *
 * Invariant: a refusal concerns the object it names. Only the instance's own 404, on a read, means that it was deleted.
 */
import type { CloudError } from '#openstack/cloud-error.ts';
import type { MoveStepKind } from './facts.ts';

export type CallDecision =
  /** It certainly did not take effect, and waiting may help. */
  | { readonly is: 'not now' }
  /** It may have taken effect. */
  | { readonly is: 'in doubt' }
  /** `isFinal`: another attempt in this flow would fail too. `readAgain`: the instance may be gone. */
  | { readonly is: 'refused'; readonly reason: string; readonly isFinal: boolean; readonly readAgain: boolean };

/** @param target the host in the call; null: none */
export function decideCall(error: CloudError, kind: MoveStepKind, target: string | null): CallDecision {
  const { message, status } = error;
  switch (error.kind) {
    case 'unreachable':
    case 'busy':
    case 'no_answer':
      return { is: 'not now' };
    case 'unknown':
      return { is: 'in doubt' };
    case 'conflict':
      // Nova does something else with it, or has not finished an earlier request.
      if (kind === 'stop' || kind === 'start') return { is: 'not now' };
      return { is: 'refused', reason: message, isFinal: false, readAgain: false };
    case 'not_found':
      return { is: 'refused', reason: withHint(message, target), isFinal: true, readAgain: true };
    case 'unauthorized':
      return { is: 'refused', reason: message, isFinal: true, readAgain: false };
    case 'refused': {
      const isAboutTarget = status === 400 && target !== null && message.includes(target);
      return { is: 'refused', reason: message, isFinal: isAboutTarget, readAgain: false };
    }
  }
}

/** Nova knows the service of a host that no cell maps, and no host behind it. */
function withHint(message: string, target: string | null): string {
  if (target === null || !message.includes(target)) return message;
  return `${message}; if "openstack compute service list" shows ${target}, run "nova-manage cell_v2 discover_hosts"`;
}
