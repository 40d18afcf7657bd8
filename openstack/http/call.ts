/** One call of the cloud: all its requests together have one deadline and one caller's signal. */
import { type CallOptions, CloudError } from '../cloud.ts';
import { Deadline, DeadlineEnded } from './deadline.ts';

/** @param description who is asked, for the message of a call that could not even leave in its time */
export async function bounded<T>(
  description: string,
  { signal, urgency }: CallOptions,
  ms: number,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = new Deadline(ms, signal, urgency);
  try {
    return await work(deadline);
  } catch (error) {
    // It ended while we waited for a token, a version or a turn: nothing of this call had left.
    if (!(error instanceof DeadlineEnded)) throw error;
    throw deadline.cancelled ? deadline.reason : new CloudError('unreachable', `${description}: ${error.message}`);
  } finally {
    deadline.close();
  }
}
