/** What may happen in a scenario: the form of each kind of event in `events.yaml`. */
import * as v from 'valibot';
import { behaviourSchema } from './cloud-file.ts';

const text = v.exactOptional(v.string());
const toggle = v.exactOptional(v.boolean());

export function exactlyOne<E extends v.ObjectEntries>(keys: readonly string[], entries: E) {
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
  /** Or a pattern: each of these hosts is reported. */
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
const COMMANDS = [
  'retry',
  'rollback',
  'restart',
  'cancel',
  'skip',
  'priority',
  'reserve',
  'maintenance',
  'approve',
  'pause',
  'unpause',
];
const operator = exactlyOne(COMMANDS, {
  retry: text,
  /** Of `retry` and `approve`. */
  host_is_down: toggle,
  /** Tasks in doubt that were done, and that were not. */
  done: v.exactOptional(v.array(v.string())),
  not_done: v.exactOptional(v.array(v.string())),
  rollback: text,
  restart: text,
  cancel: text,
  skip: text,
  /** Of `skip`: the name of an instance. */
  instance: text,
  priority: text,
  /** Of `priority`. */
  number: v.exactOptional(v.pipe(v.number(), v.integer())),
  /** A host. */
  maintenance: text,
  /** Of the maintenance; default: on. */
  state: v.exactOptional(v.picklist(['on', 'off'])),
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

/** A user or Nova changes an instance. */
const instance = v.strictObject({
  name: v.string(),
  /** Nova's vm_state; `deleted`: the user deletes it. */
  state: text,
  task_state: v.exactOptional(v.nullable(v.string())),
  locked: toggle,
  /** It has arrived on another host. */
  host: text,
});
export type InstanceEvent = v.InferOutput<typeof instance>;

/** An operator changes the compute service of a host in Nova, or the host has more or less capacity. */
const host = v.strictObject({
  name: v.string(),
  status: v.exactOptional(v.picklist(['enabled', 'disabled'])),
  disabled_reason: text,
  forced_down: toggle,
  capacity: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0))),
});
export type HostEvent = v.InferOutput<typeof host>;

const OBJECT_OF_CALL = {
  /** Of `engine/cloud/cloud.ts`, e.g. `evacuate`. */
  call: v.string(),
  /** An instance or a host. */
  object: v.string(),
};

const refusal = v.strictObject({
  ...OBJECT_OF_CALL,
  error: v.picklist(['busy', 'unknown', 'not_found', 'conflict', 'refused', 'unauthorized']),
  status: v.exactOptional(v.pipe(v.number(), v.integer())),
  /** Default: until `permit`. */
  times: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type RefusalEvent = v.InferOutput<typeof refusal>;

const KINDS = {
  power_off: text,
  power_on: text,
  report: v.exactOptional(report),
  operator: v.exactOptional(operator),
  engine: v.exactOptional(engine),
  cloud: v.exactOptional(v.picklist(['away', 'back'])),
  behaviour: v.exactOptional(behaviourSchema),
  instance: v.exactOptional(instance),
  host: v.exactOptional(host),
  refuse: v.exactOptional(refusal),
  permit: v.exactOptional(v.strictObject(OBJECT_OF_CALL)),
  cell_down: text,
  cell_up: text,
  /** Seconds by which the wall clock of the node of the engine jumps. */
  clock_jump: v.exactOptional(v.number()),
};

const positive = v.pipe(v.number(), v.minValue(0));

export const timedSchema = exactlyOne(Object.keys(KINDS), { at: positive, ...KINDS });

/** An event that follows a line of the log. */
export const triggeredSchema = exactlyOne(Object.keys(KINDS), {
  /** A part of the line. */
  when: v.pipe(v.string(), v.minLength(1)),
  /** Which line with this part; default: the first. */
  occurrence: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  /** Seconds between the line and the event. */
  after: v.exactOptional(positive),
  ...KINDS,
});

/** What happens, apart from the time. */
export type Happening = Omit<v.InferOutput<typeof timedSchema>, 'at'>;
export type TimedEvent = v.InferOutput<typeof timedSchema>;
export type TriggeredEvent = v.InferOutput<typeof triggeredSchema>;
