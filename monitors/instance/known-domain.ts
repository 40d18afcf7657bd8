/** The stored state of a domain of Nova, and its next state after an event or a listing. Pure. */

import type { DomainDecision } from './failure.ts';
import { type FailureKind, isDeath } from './failure.ts';

export interface KnownDomain {
  readonly name: string;
  /** libvirt's id of its current or last start: a life. -1 before the first one that was detected. */
  readonly life: number;
  /** `on`: its process exists; the guest may be stopped. */
  readonly power: 'on' | 'off';
  /** When that state was detected; milliseconds UTC. */
  readonly at: number;
  /** Failures of this life that are in the outbox. */
  readonly reported: readonly FailureKind[];
}

/** The domain after an orderly change. Undefined: nothing is left to store. */
export function afterDecision(
  known: KnownDomain | undefined,
  decision: Exclude<DomainDecision, { outcome: 'failed' }>,
  name: string,
  now: number,
): KnownDomain | undefined {
  switch (decision.outcome) {
    case 'nothing':
      return known;
    case 'gone':
      return undefined;
    case 'off': {
      if (known?.power === 'off') return known;
      return { name, life: known?.life ?? -1, power: 'off', at: now, reported: known?.reported ?? [] };
    }
    case 'running':
    case 'on': {
      const isSameLife = known?.power === 'on' && known.life === decision.life;
      const before = isSameLife ? known.reported : [];
      // When the instance runs again, every failure has ended except one with which it keeps running.
      const reported = decision.outcome === 'on' ? before : before.filter((kind) => kind === 'disk-error');
      if (isSameLife && reported.length === before.length) return known;
      return { name, life: decision.life, power: 'on', at: now, reported };
    }
  }
}

/** The domain once a failure of it is in the outbox. */
export function afterReport(
  known: KnownDomain | undefined,
  failure: { readonly name: string; readonly life: number; readonly kind: FailureKind },
  power: 'on' | 'off',
  now: number,
): KnownDomain {
  const before = known?.life === failure.life ? known.reported : [];
  const reported = before.includes(failure.kind) ? before : [...before, failure.kind];
  return { name: failure.name, life: failure.life, power, at: now, reported };
}

export function isReported(known: KnownDomain | undefined, life: number, kind: FailureKind): boolean {
  if (known === undefined || known.life !== life) return false;
  return isDeath(kind) ? known.reported.some(isDeath) : known.reported.includes(kind);
}
