/** The decisions of a running recovery as the journal has them: the flow that was chosen, and how a flow that an engine left continues. Pure. */
import { type Plan, readPlan } from '../flow/plan.ts';
import type { AddDecision } from '../journal/mutations.ts';
import type { FlowRow } from '../journal/rows.ts';
import type { Continuation, CrashFacts } from './engine-failure-decision.ts';

/** Flows of the round that are recorded, the newest ones. */
const MAX_FLOWS = 20;

/**
 * The decision that a flow opens, for the transaction that opens it.
 * @param method of the segment; null: the kind of the failure has one flow only
 * @param earlier flows of this round
 */
export function methodDecision(chosen: {
  readonly uuid: string;
  readonly flowUuid: string;
  readonly method: string | null;
  readonly plan: Plan;
  readonly freeReservedHosts: readonly string[];
  readonly earlier: readonly FlowRow[];
  readonly at: number;
}): AddDecision {
  const { uuid, flowUuid, method, plan, freeReservedHosts, earlier, at } = chosen;
  const { flow, round, deadSince, proof = 'none', inputs } = plan;
  const reservedHost = typeof inputs.reserved_host === 'string' ? inputs.reserved_host : null;
  const target = reservedHost === null ? '' : ` to reserved host '${reservedHost}'`;
  const by = method === null ? 'the only flow for this failure' : `by recovery method ${method}`;
  return {
    op: 'decision',
    uuid,
    kind: 'method',
    outcome: 'run',
    rule: method ?? flow,
    reason: `Flow ${flow}${target} starts, ${by}, in round ${round}.`,
    facts: {
      flow,
      flow_uuid: flowUuid,
      round,
      reserved_host: reservedHost,
      ...(method === null ? {} : { free_reserved_hosts: freeReservedHosts }),
      earlier_flows: earlier.slice(-MAX_FLOWS).map(({ uuid: earlierUuid, state, error, plan: planned }) => ({
        flow: readPlan(planned).flow,
        flow_uuid: earlierUuid,
        state,
        error,
      })),
      proof,
      dead_since: deadSince === null ? null : new Date(deadSince).toISOString(),
    },
    at,
  };
}

const REASONS: { readonly [C in Continuation]: string } = {
  resume: 'An engine left the flow open; it is resumed.',
  rollback: 'An engine ended during the flow, and its policy is to roll back.',
  restart: 'An engine ended during the flow, and its policy is to restart.',
  'dead letter': 'Engines ended repeatedly during the flow; it is not resumed any more.',
};

/** How a flow that an engine left open continues, for the transaction that continues it. */
export function continuationDecision(
  uuid: string,
  flow: Pick<FlowRow, 'uuid' | 'left_by'>,
  { maxResumes, ...facts }: CrashFacts,
  continuation: Continuation,
  at: number,
): AddDecision {
  return {
    op: 'decision',
    uuid,
    kind: 'engine_failure',
    outcome: continuation.replace(' ', '_'),
    rule: facts.isLeftInOrder ? 'left-in-order' : facts.policy,
    reason: REASONS[continuation],
    facts: {
      flow_uuid: flow.uuid,
      flow_state: facts.state,
      policy: facts.policy,
      left_in_order_by_engine: flow.left_by,
      ends: facts.ends,
    },
    limits: { max_resumes: maxResumes },
    at,
  };
}
