/** `events.yaml`: what happens at which simulated time, or after which line of the log. */
import * as v from 'valibot';
import { InvalidNotification, type Notification, parseNotification } from '#protocol/notification.ts';
import { type Disturbance, FAULTS } from '../simulate/fault.ts';
import type { CloudFile } from './cloud-file.ts';
import {
  type Happening,
  type ReportEvent,
  type TimedEvent,
  type TriggeredEvent,
  timedSchema,
  triggeredSchema,
} from './event-kinds.ts';
import { namesOf } from './name-pattern.ts';
import { checked, joined, ScenarioError, type YamlPart } from './yaml-file.ts';

/** A fault of one task, as in `recovery-agent simulate`. */
const disturbed = v.strictObject({ during: v.string(), fault: v.picklist(FAULTS) });

const entry = v.lazy((input) => {
  if (typeof input !== 'object' || input === null) return timedSchema;
  return 'during' in input ? disturbed : 'when' in input ? triggeredSchema : timedSchema;
});
const eventsSchema = v.pipe(v.array(entry), v.minLength(1));
type Entry = TimedEvent | TriggeredEvent | v.InferOutput<typeof disturbed>;

export interface EventsFile {
  readonly timed: readonly TimedEvent[];
  readonly triggered: readonly TriggeredEvent[];
  readonly disturbance: Disturbance | undefined;
}

const ANY_UUID = '00000000-0000-4000-8000-000000000000';

/** Throws `ScenarioError`. */
export function eventsOf(part: YamlPart, cloud: CloudFile): EventsFile {
  const entries: readonly Entry[] = checked(part, eventsSchema);
  const timed: TimedEvent[] = [];
  const triggered: TriggeredEvent[] = [];
  const disturbances: Disturbance[] = [];
  for (const [index, one] of entries.entries()) {
    if ('during' in one) {
      disturbances.push({ task: one.during, fault: one.fault });
      continue;
    }
    const path = joined(part.path, `entry ${index + 1}`);
    requireKnown(one, cloud, (reason) => new ScenarioError(part.file, path, reason));
    if ('when' in one) triggered.push(one);
    else timed.push(one);
  }
  if (disturbances.length > 1) throw new ScenarioError(part.file, part.path, 'more than one entry with "during"');
  return { timed, triggered, disturbance: disturbances[0] };
}

/** Throws the failure where an event names something that the cloud does not have, or reports what is no notification. */
function requireKnown(event: Happening, { hosts, instances }: CloudFile, failure: (reason: string) => ScenarioError) {
  const { power_off, power_on, host, instance, refuse, permit, cell_down, cell_up, report } = event;
  const named = [power_off, power_on, host?.name, instance?.host].flatMap((name) => (name ? namesOf(name) : []));
  for (const name of named) if (!Object.hasOwn(hosts, name)) throw failure(`there is no host ${name}`);
  for (const name of [report?.instance, instance?.name]) {
    if (name !== undefined && !Object.hasOwn(instances, name)) throw failure(`there is no instance ${name}`);
  }
  const object = refuse?.object ?? permit?.object;
  if (object !== undefined && !Object.hasOwn(instances, object) && !Object.hasOwn(hosts, object)) {
    throw failure(`there is no instance and no host ${object}`);
  }
  const cell = cell_down ?? cell_up;
  const cells = Object.values(hosts).map((settings) => settings?.cell);
  if (cell !== undefined && !cells.includes(cell)) throw failure(`there is no cell ${cell}`);
  requireNotification(report, instances, failure);
}

function requireNotification(
  report: ReportEvent | undefined,
  instances: CloudFile['instances'],
  failure: (reason: string) => ScenarioError,
): void {
  try {
    if (report) notificationsOf(report, 0, new Map(Object.keys(instances).map((name) => [name, ANY_UUID])));
  } catch (error) {
    if (!(error instanceof InvalidNotification)) throw error;
    throw failure(error.message);
  }
}

/** One for each host of the pattern. @param seenAt ms UTC. @param instances uuids by name. Throws `InvalidNotification` */
export function notificationsOf(
  { type, hostname: pattern, proof: _, instance, generated_at: __, ...payload }: ReportEvent,
  seenAt: number,
  instances: ReadonlyMap<string, string>,
): readonly Notification[] {
  const named = instance === undefined ? payload : { ...payload, instance_uuid: instances.get(instance) };
  const generated_time = new Date(seenAt).toISOString();
  return namesOf(pattern).map((hostname) =>
    parseNotification({ notification: { type, hostname, generated_time, payload: named } }),
  );
}
