/**
 * What to do about one instance of a host that was rebooted before its instances were moved. Pure.
 *
 * Nova does not start them (resume_guests_state_on_host_boot is false unless configured): its nova-compute finds them off and stops them
 * by Nova's own API, as Nova itself and not as a user. That is how an instance that ran is told from one that somebody stopped.
 */
import type { Instance, InstanceAction } from '../cloud/cloud.ts';

export type RebootedDecision =
  /** It ran when the host failed. */
  | { readonly do: 'start' }
  /** Nova is at it. */
  | { readonly do: 'wait' }
  | { readonly do: 'leave' };

/** How much earlier than the report of the failure, by whatever clock, Nova may have noted the stop of an instance. */
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
