/**
 * Whether an instance that is active came up after its recovery began: then it is not stopped again, for its owner may use it. Pure.
 *
 * Nova calls an instance active that crashed, until somebody stops it. So the state alone does not tell; what the recovery itself saw
 * and requested before does, and what others requested since.
 */
import { type Instance, type InstanceAction, POWER_STATE } from '../cloud/cloud.ts';
import type { StepState } from '../journal/words.ts';

/** Nova's names of the actions after which an instance runs. */
const STARTING: ReadonlySet<string> = new Set(['start', 'reboot', 'rebuild', 'resume', 'unpause', 'unshelve']);

/** Nova shows it running and is not busy with it. */
export function isUp({ vmState, taskState, powerState }: Instance): boolean {
  const isOff = powerState === POWER_STATE.SHUTDOWN || powerState === POWER_STATE.CRASHED;
  return vmState === 'active' && taskState === null && !isOff;
}

/** What other flows of the same recovery left of their steps. */
export interface EarlierSteps {
  readonly stops: readonly { readonly state: StepState }[];
  readonly starts: readonly { readonly state: StepState }[];
}

/** Whether another flow of the recovery saw the instance stopped: it stopped it, or requested its start. */
export function wasSeenDown({ stops, starts }: EarlierSteps): boolean {
  return (
    stops.some(({ state }) => state === 'done') ||
    starts.some(({ state }) => state !== 'planned' && state !== 'skipped')
  );
}

/**
 * Whether the newest request concerning the instance since the recovery first acted on it was one to run it.
 * @param actions newest first
 * @param known request IDs of what was requested before that
 */
export function wasStartedSince(actions: readonly InstanceAction[], known: readonly string[]): boolean {
  const newest = actions.find(({ requestId }) => !known.includes(requestId));
  return newest !== undefined && STARTING.has(newest.action) && !newest.isFailed;
}
