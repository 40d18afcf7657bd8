/** What the journal and the configuration hold about a host that came back. */
import type { Configuration } from '#config/load.ts';
import { hasTasks } from '#config/pipelines.ts';
import type { Notification } from '#protocol/notification.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReturnFacts } from '../recovery/judge-notification.ts';

/** What decides whether a host that came back is more than noted; undefined for any other notification. */
export async function returnFacts(
  { configuration, journal }: { readonly configuration: Configuration; readonly journal: Journal },
  { type, hostname, payload }: Notification,
): Promise<ReturnFacts | undefined> {
  if (type !== 'COMPUTE_HOST' || payload.event !== 'STARTED') return undefined;
  const { pipelines } = configuration;
  const failure = await journal.query('failureBefore', { host: hostname, id: Number.MAX_SAFE_INTEGER });
  return {
    returnTasks: hasTasks(pipelines.host_return),
    rebootTasks: hasTasks(pipelines.host_reboot),
    failure: failure?.status ?? null,
  };
}
