/** One call of the cloud: all its requests together have one deadline and one caller's signal. */
import { CloudError } from '../cloud-error.ts';
import { Deadline, DeadlineEnded, type Urgency } from './deadline.ts';

/** Parameters of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** `question`: a read of a monitor, which never waits in front of a recovery's call. Default: `recovery`. */
  readonly urgency?: Urgency | undefined;
}

/** @param description the service, for the message of a call that could not be sent in time */
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
    // It ended while we waited for a token, a version or a permit: nothing of this call had been sent.
    if (!(error instanceof DeadlineEnded)) throw error;
    throw deadline.cancelled ? deadline.reason : new CloudError('unreachable', `${description}: ${error.message}`);
  } finally {
    deadline.close();
  }
}
