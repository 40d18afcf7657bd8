/**
 * Whether an active instance was started after its recovery started. If so, it is not stopped again, because its owner may use it. Pure.
 *
 * Nova shows a crashed instance as active until it is stopped by request. So the state alone is not sufficient. The recovery also uses its
 * own reads and requests, and the requests of others since.
 */
import { type Instance, type InstanceAction, POWER_STATE } from '../cloud/cloud.ts';
import type { StepState } from '../journal/rows.ts';

/** Nova's names of the actions after which an instance runs. */
const STARTING: ReadonlySet<string> = new Set(['start', 'reboot', 'rebuild', 'resume', 'unpause', 'unshelve']);

/** Nova shows it running and is not busy with it. */
export function isUp({ vmState, taskState, powerState }: Instance): boolean {
  const isOff = powerState === POWER_STATE.SHUTDOWN || powerState === POWER_STATE.CRASHED;
  return vmState === 'active' && taskState === null && !isOff;
}

/** Steps of other flows of the same recovery. */
export interface EarlierSteps {
  readonly stops: readonly { readonly state: StepState }[];
  readonly starts: readonly { readonly state: StepState }[];
}

/** Whether another flow of the recovery found the instance stopped: it stopped it, or requested its start. */
export function wasSeenDown({ stops, starts }: EarlierSteps): boolean {
  return (
    stops.some(({ state }) => state === 'done') ||
    starts.some(({ state }) => state !== 'planned' && state !== 'skipped')
  );
}

/**
 * Whether the newest request for the instance since the recovery first acted on it was a request to run it.
 * @param actions newest first
 * @param known request IDs of earlier requests
 */
export function wasStartedSince(actions: readonly InstanceAction[], known: readonly string[]): boolean {
  const newest = actions.find(({ requestId }) => !known.includes(requestId));
  return newest !== undefined && STARTING.has(newest.action) && !newest.isFailed;
}
