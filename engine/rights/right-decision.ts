/** Converts the error of a check to its result. Pure. */

import { CloudError } from '#openstack/cloud-error.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { ServerFault } from '../task-drivers/mail/session.ts';
import type { RightFound } from './right.ts';

/** Throws any other error. */
export function decisionOf(error: unknown): Omit<RightFound, 'right'> {
  const reason = errorMessage(error);
  if (error instanceof ServerFault) return { verdict: error.lasts === 'permanent' ? 'refused' : 'unknown', reason };
  if (!(error instanceof CloudError)) throw error;
  // A refusal without a status is about the catalogue or the versions, and every recovery would end in the same way.
  const isRefused = error.kind === 'unauthorized' || (error.kind === 'refused' && error.status === undefined);
  return { verdict: isRefused ? 'refused' : 'unknown', reason };
}
