/** What the journal and the configuration say about a host that came back. */
import type { Configuration } from '#config/load.ts';
import { placedTasksOf } from '#config/pipelines.ts';
import type { Notification } from '#protocol/notification.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReturnFacts } from '../recovery/judge-notification.ts';

/** What decides whether a host that came back is more than noted; undefined for any other notification. */
export async function returnFacts(
  { configuration, journal }: { readonly configuration: Configuration; readonly journal: Journal },
  { type, hostname, payload }: Notification,
): Promise<ReturnFacts | undefined> {
  if (type !== 'COMPUTE_HOST' || payload.event !== 'STARTED') return undefined;
  const tasks = placedTasksOf(configuration.pipelines.host_return).length;
  return { tasks, failedAt: tasks === 0 ? null : await journal.query('lastFailure', hostname) };
}
