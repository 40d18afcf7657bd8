/**
 * Decides the action for one instance of a host that rebooted before its instances were moved. Pure.
 *
 * Nova does not start them (resume_guests_state_on_host_boot is false by default): its nova-compute finds them off and stops them by Nova's
 * own API, as Nova itself and not as a user. This distinguishes an instance that ran from one that a user stopped.
 */
import type { Instance, InstanceAction } from '../cloud/cloud.ts';

export type RebootedDecision =
  /** It ran when the host failed. */
  | { readonly do: 'start' }
  /** Nova is busy with it. */
  | { readonly do: 'wait' }
  | { readonly do: 'leave' };

/** Tolerance for clocks: so much earlier than the report of the failure Nova may have stored the stop of an instance. */
const MARGIN_MS = 120_000;

/**
 * @param actions newest first; null: not read, since the state alone decides
 * @param failedAt when the host failed, by the report, ms UTC
 */
export function decideRebooted(
  { vmState, taskState }: Pick<Instance, 'vmState' | 'taskState'>,
  actions: readonly InstanceAction[] | null,
  failedAt: number | null,
): RebootedDecision {
  if (taskState !== null) return { do: 'wait' };
  if (vmState !== 'stopped') return { do: 'leave' };
  const [newest] = actions ?? [];
  if (newest?.action !== 'stop' || newest.userId !== null) return { do: 'leave' };
  const isSince = newest.startedAt === null || failedAt === null || newest.startedAt.getTime() >= failedAt - MARGIN_MS;
  return isSince ? { do: 'start' } : { do: 'leave' };
}
