/**
 * When is a guest dead inside a running QEMU? Pure. The states are Masakari's: discovery → healthy → error → reported.
 *
 * Invariants: a guest that has never answered since its QEMU started is never reported; only failures one after the other
 * count, and more than the threshold of them make one report; what says nothing about the guest (paused, being migrated,
 * libvirt away) is no failure. A guest counts as reported once its report is durable, and not before.
 */

/**
 * `silent`: its channel is open inside the guest and nobody answers. `disconnected`: nobody has the channel open: the guest
 * boots, or its agent was stopped. `held`: the guest does not run now, or is being moved. `unknown`: it could not be asked.
 */
export type Answer = 'answered' | 'silent' | 'disconnected' | 'held' | 'unknown';

export type Phase =
  | { readonly name: 'discovery' }
  | { readonly name: 'healthy' }
  | { readonly name: 'error'; readonly failures: number }
  | { readonly name: 'reported' };

export interface Life {
  /** libvirt's id of this run of the domain; another run begins with discovery. */
  readonly domainId: number;
  readonly phase: Phase;
}

export interface LivenessPolicy {
  /** As many failures one after the other are still none. */
  readonly threshold: number;
  readonly disconnected: 'ignore' | 'failure';
}

export interface Judgement {
  readonly life: Life;
  /** Has to be reported; `reported` says that it has been. */
  readonly isDue: boolean;
}

export function judgeGuest(
  before: Life | undefined,
  domainId: number,
  answer: Answer,
  policy: LivenessPolicy,
): Judgement {
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
