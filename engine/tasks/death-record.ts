/** The decision that a host is dead, as the journal has it: by which evidence it is forced down. Pure. */
import type { TaskSettings } from '#config/options/task-settings.ts';
import type { ComputeService } from '../cloud/cloud.ts';
import { FRESH_PROOF_MS, type LifeFacts } from '../intake/host-liveness-decision.ts';
import type { AddDecision } from '../journal/mutations.ts';
import type { Proof } from '../journal/rows.ts';

type Rule = 'requested-before' | 'proof' | 'forced-down' | 'down-in-nova' | 'no-heartbeat';

const REASONS: { readonly [R in Rule]: string } = {
  'requested-before': 'this flow has requested that it is forced down, and the outcome is unknown',
  proof: 'the proof of its death is newer than every sign of life',
  'forced-down': 'Nova shows it forced down',
  'down-in-nova': 'Nova shows its compute service down',
  'no-heartbeat': 'Nova shows it up, and its heartbeat does not advance',
};

/** @param reads of its compute service, oldest first, by which it was decided */
export function deathDecision(
  uuid: string,
  reads: readonly ComputeService[],
  evidence: LifeFacts & { readonly proof: Proof; readonly isBack: boolean },
  settings: Pick<TaskSettings, 'heartbeatWaitMs'>,
  at: number,
): AddDecision {
  const last = reads.at(-1);
  const rule = ruleOf(last, evidence);
  return {
    op: 'decision',
    uuid,
    kind: 'life',
    outcome: 'dead',
    rule,
    reason: `Host '${last?.host ?? ''}' counts as dead: ${REASONS[rule]}.`,
    facts: {
      proof: evidence.proof,
      is_proven: evidence.isProven,
      is_requested: evidence.isRequested,
      has_returned: evidence.isBack,
      reads: reads.map(({ state, status, forcedDown, updatedAt }) => ({
        state,
        status,
        forced_down: forcedDown,
        updated_at: updatedAt?.toISOString() ?? null,
      })),
    },
    limits: { heartbeat_wait_ms: settings.heartbeatWaitMs, fresh_proof_ms: FRESH_PROOF_MS },
    at,
  };
}

/** In the order in which `decideLife` decides. */
function ruleOf(last: ComputeService | undefined, { isRequested, isProven }: LifeFacts): Rule {
  if (isRequested) return 'requested-before';
  if (isProven) return 'proof';
  if (last?.forcedDown) return 'forced-down';
  return last?.state === 'down' ? 'down-in-nova' : 'no-heartbeat';
}
