/**
 * Whether Nova filters its list of instances by host for this engine. It ignores a filter that a role may not use without an error, and
 * lists the instances of every host.
 */
import { readInstancesOn } from '../cloud/reading.ts';
import type { TaskContext } from '../flow/task.ts';
import { known } from './outage-retry.ts';

/** Reads the list before anything is changed, and names the missing right. */
export async function checkHostFilter(context: TaskContext, host: string): Promise<void> {
  const { cloud, signal } = context;
  const listing = await known(context, () => readInstancesOn(cloud, host, { signal }));
  if (listing.answer === 'yes' && listing.value.foreign > 0) warnOfForeign(context, host, listing.value.foreign);
}

export function warnOfForeign({ progress, log }: TaskContext, host: string, foreign: number): void {
  const right = 'the role of this engine lacks the right os_compute_api:servers:allow_all_filters';
  const message = `Nova listed ${foreign} instances of other hosts for host '${host}': ${right}; they are ignored`;
  progress(message);
  log('warning', message, { host, foreign });
}
