/** A right that recoveries need, and the result of its check. */

import type { ActOptions } from '../cloud/call.ts';
import type { Cloud, CloudAccess } from '../cloud/cloud.ts';
import type { Sample } from './sample.ts';

/** `unknown`: no response, or an inconclusive one. `untried`: the cloud has no object to check it on. */
export type RightState = 'allowed' | 'refused' | 'unknown' | 'untried';

export interface RightFound {
  /** The right, with the name of the policy if a service has one. */
  readonly right: string;
  readonly verdict: RightState;
  /** The evidence of the result. */
  readonly reason: string;
}

/** Parameters of the check of a right. */
export interface TryContext {
  readonly cloud: Cloud;
  readonly call: ActOptions;
  readonly access: CloudAccess;
  readonly sample: Sample;
}

/**
 * One right.
 *
 * Invariant: its check changes nothing in the cloud and sends no mail.
 */
export interface Right {
  readonly name: string;
  /** Returns the finding if that is no plain yes. Throws `CloudError` or `ServerFault`. */
  attempt(context: TryContext): Promise<Omit<RightFound, 'right'> | undefined>;
}
