/**
 * Decides when the guest of a running QEMU is dead. Pure. The states are Masakari's: discovery → healthy → error → reported.
 *
 * Invariants: a guest that has not responded since its QEMU started is never reported. Only failures in sequence count,
 * and more of them than the threshold make one report. A state without a result (paused, being migrated, libvirt down)
 * is no failure. A guest counts as reported once its report is durable, and not before.
 */

/**
 * `silent`: its channel is open inside the guest, and the agent does not respond. `disconnected`: its channel is not open:
 * the guest boots, or its agent was stopped. `held`: the guest is not running now, or is being migrated. `unknown`: the
 * agent could not be queried.
 */
export type Answer = 'answered' | 'silent' | 'disconnected' | 'held' | 'unknown';

export type Phase =
  | { readonly name: 'discovery' }
  | { readonly name: 'healthy' }
  | { readonly name: 'error'; readonly failures: number }
  | { readonly name: 'reported' };

export interface Life {
  /** libvirt's id of this run of the domain; the next run starts with discovery. */
  readonly domainId: number;
  readonly phase: Phase;
}

export interface LivenessPolicy {
  /** The highest number of failures in sequence without a report. */
  readonly threshold: number;
  readonly disconnected: 'ignore' | 'failure';
}

export interface LivenessDecision {
  readonly life: Life;
  /** A report is due. `reported` records that it is durable. */
  readonly isDue: boolean;
}

export function decideGuest(
  before: Life | undefined,
  domainId: number,
  answer: Answer,
  policy: LivenessPolicy,
): LivenessDecision {
  const phase = before?.domainId === domainId ? before.phase : ({ name: 'discovery' } as const);
  const next = nextPhase(phase, answer, policy);
  return { life: { domainId, phase: next }, isDue: next.name === 'error' && next.failures > policy.threshold };
}

export function reported({ domainId }: Life): Life {
  return { domainId, phase: { name: 'reported' } };
}

function nextPhase(phase: Phase, answer: Answer, policy: LivenessPolicy): Phase {
  switch (answer) {
    case 'answered':
      return { name: 'healthy' };
    case 'unknown':
      return phase;
    case 'held':
      return phase.name === 'error' ? { name: 'healthy' } : phase;
    case 'disconnected':
      return policy.disconnected === 'failure' ? failed(phase) : { name: 'discovery' };
    case 'silent':
      return failed(phase);
  }
}

function failed(phase: Phase): Phase {
  if (phase.name === 'healthy') return { name: 'error', failures: 1 };
  if (phase.name === 'error') return { name: 'error', failures: phase.failures + 1 };
  return phase;
}
