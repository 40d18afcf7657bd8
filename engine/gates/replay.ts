/**
 * Decides recorded gate decisions again under other limits. Pure.
 *
 * Each decision is decided by its own facts. What an earlier decision would have changed, such as an earlier start, is not in the facts of
 * the later ones.
 */
import type { GateDecision, GateFacts, GateLimits } from './gate.ts';
import { passGates } from './gates.ts';

/** A decision of the gates, as an exported case has it. */
export interface RecordedGates {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly outcome: 'hold' | 'pass';
  /** The gate that held it; null: none did. */
  readonly gate: string | null;
  readonly facts: Omit<GateFacts, 'limits'>;
}

export interface ReplayedGates {
  readonly time: string;
  readonly recorded: { readonly outcome: 'hold' | 'pass'; readonly gate: string | null };
  readonly now: { readonly outcome: 'hold' | 'pass'; readonly gate: string | null; readonly reason: string | null };
  /** Another outcome, or another gate. */
  readonly isChanged: boolean;
}

/** @param underOptions the facts with those that are options replaced; without it they stay as recorded */
export function replayGates(
  cases: readonly RecordedGates[],
  limits: GateLimits,
  underOptions: (facts: RecordedGates['facts']) => RecordedGates['facts'] = (facts) => facts,
): readonly ReplayedGates[] {
  return cases.map(({ time, outcome, gate, facts }) => {
    const now = resultOf(passGates({ ...underOptions(facts), limits }));
    return { time, recorded: { outcome, gate }, now, isChanged: now.outcome !== outcome || now.gate !== gate };
  });
}

function resultOf(decision: GateDecision & { readonly gate?: string }): ReplayedGates['now'] {
  const reason = decision.do === 'hold' ? decision.reason : null;
  return { outcome: decision.do, gate: decision.gate ?? null, reason };
}
