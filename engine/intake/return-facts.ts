/** Facts about a host that came back, from the journal and the configuration. */
import type { Configuration } from '#config/configuration.ts';
import { hasTasks } from '#config/pipelines/pipelines.ts';
import type { Notification } from '#protocol/notification.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReturnFacts } from './notification-decision.ts';

/** The facts by which a return is acted on or only stored; undefined for any other notification. */
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
