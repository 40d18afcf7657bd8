/** `events.yaml`: what happens at which simulated time. */
import * as v from 'valibot';
import { type Disturbance, FAULTS } from '#agents/simulate/fault.ts';
import { InvalidNotification, type Notification, parseNotification } from '#protocol/notification.ts';
import { behaviourSchema, type CloudFile } from './cloud-file.ts';
import { readYaml, ScenarioError } from './yaml-file.ts';

const text = v.exactOptional(v.string());

function exactlyOne<E extends v.ObjectEntries>(keys: readonly string[], entries: E) {
  return v.pipe(
    v.strictObject(entries),
    v.check(
      (entry) => keys.filter((key) => Object.hasOwn(entry, key)).length === 1,
      `expected exactly one of ${keys.join(', ')}`,
    ),
  );
}

/** Named like the options of `recovery-agent notify`; `proof` is what the monitor adds to the notification. */
const report = v.strictObject({
  type: v.exactOptional(v.picklist(['COMPUTE_HOST', 'PROCESS', 'VM']), 'COMPUTE_HOST'),
  hostname: v.string(),
  event: v.string(),
  cluster_status: text,
  host_status: text,
  process_name: text,
  /** Name of an instance of `cloud.yaml`. */
  instance: text,
  vir_domain_event: text,
  proof: v.exactOptional(v.picklist(['none', 'fencing']), 'none'),
  /** Time of the detection; default: `at`. */
  generated_at: v.exactOptional(v.number()),
});
export type ReportEvent = v.InferOutput<typeof report>;

/** Notifications are called `notification-1`, `notification-2` … in the order of their acceptance, as in the log. */
const operator = exactlyOne(['retry', 'rollback', 'restart', 'reserve', 'approve', 'pause', 'unpause'], {
  retry: text,
  host_is_down: v.exactOptional(v.boolean()),
  rollback: text,
  restart: text,
  /** A host. */
  reserve: text,
  approve: text,
  /** The reason. */
  pause: text,
  /** Of the pause, in seconds. */
  for: v.exactOptional(v.number()),
  /** The reason. */
  unpause: text,
});
export type OperatorEvent = v.InferOutput<typeof operator>;

const engine = v.pipe(
  v.string(),
  v.check(
    (words) => /^(killed|stopped|starts on [\w.-]+)$/.test(words),
    'expected "killed", "stopped" or "starts on NODE"',
  ),
);

const KINDS = {
  power_off: v.exactOptional(v.string()),
  power_on: v.exactOptional(v.string()),
  report: v.exactOptional(report),
  operator: v.exactOptional(operator),
  engine: v.exactOptional(engine),
  cloud: v.exactOptional(v.picklist(['away', 'back'])),
  behaviour: v.exactOptional(behaviourSchema),
};

const timed = exactlyOne(Object.keys(KINDS), { at: v.pipe(v.number(), v.minValue(0)), ...KINDS });
export type TimedEvent = v.InferOutput<typeof timed>;

/** A fault of one task, as in `recovery-agent simulate`. */
const disturbed = v.strictObject({ during: v.string(), fault: v.picklist(FAULTS) });

const entry = v.lazy((input) => (typeof input === 'object' && input !== null && 'during' in input ? disturbed : timed));
const eventsSchema = v.pipe(v.array(entry), v.minLength(1));

export interface EventsFile {
  readonly timed: readonly TimedEvent[];
  readonly disturbance: Disturbance | undefined;
}

const ANY_UUID = '00000000-0000-4000-8000-000000000000';

/** Throws `ScenarioError`. */
export function readEvents(file: string, cloud: CloudFile): EventsFile {
  const entries: readonly (TimedEvent | v.InferOutput<typeof disturbed>)[] = readYaml(file, eventsSchema);
  const timed: TimedEvent[] = [];
  const disturbances: Disturbance[] = [];
  for (const [index, one] of entries.entries()) {
    if ('during' in one) disturbances.push({ task: one.during, fault: one.fault });
    else {
      requireKnown(one, cloud, (reason) => new ScenarioError(file, `entry ${index + 1}`, reason));
      timed.push(one);
    }
  }
  if (disturbances.length > 1) throw new ScenarioError(file, '', 'more than one entry with "during"');
  return { timed, disturbance: disturbances[0] };
}

/** Throws the failure where an event names something that the cloud does not have, or reports what is no notification. */
function requireKnown(
  { power_off, power_on, report: reported }: TimedEvent,
  { hosts, instances }: CloudFile,
  failure: (reason: string) => ScenarioError,
): void {
  const host = power_off ?? power_on;
  if (host !== undefined && !Object.hasOwn(hosts, host)) throw failure(`there is no host ${host}`);
  if (reported?.instance !== undefined && !Object.hasOwn(instances, reported.instance)) {
    throw failure(`there is no instance ${reported.instance}`);
  }
  try {
    if (reported) notificationOf(reported, 0, new Map(Object.keys(instances).map((name) => [name, ANY_UUID])));
  } catch (error) {
    if (!(error instanceof InvalidNotification)) throw error;
    throw failure(error.message);
  }
}

/** @param seenAt ms UTC. @param instances uuids by name. Throws `InvalidNotification` */
export function notificationOf(
  { type, hostname, proof: _, instance, generated_at: __, ...payload }: ReportEvent,
  seenAt: number,
  instances: ReadonlyMap<string, string>,
): Notification {
  const named = instance === undefined ? payload : { ...payload, instance_uuid: instances.get(instance) };
  const generated_time = new Date(seenAt).toISOString();
  return parseNotification({ notification: { type, hostname, generated_time, payload: named } });
}
