/**
 * Nova's records of instances (servers).
 *
 * Invariants: a field that decides something has no default: a record without it is an error that names the field; of an instance in a cell
 * that is down nothing is known, and the record shows that (`isPartial` in `reading.ts`).
 */
import * as v from 'valibot';
import { CloudError } from '#openstack/cloud-error.ts';
import { checked } from '#openstack/http/response-body.ts';
import { type Instance, type InstanceProperties, POWER_STATE } from '../cloud.ts';
import { Links } from './responses.ts';

const Id = v.pipe(v.string(), v.minLength(1));
const Text = v.nullish(v.string());

/** Fields of every record, even if all others are hidden or missing. */
const Identified = v.looseObject({
  id: Id,
  status: v.string(),
  name: Text,
  tenant_id: Text,
  user_id: Text,
  // Nova shows it of servers in ERROR and of deleted ones, also in lists.
  fault: v.nullish(v.object({ message: v.optional(v.string(), '') })),
});
export type ServerRecord = v.InferOutput<typeof Identified>;

export const ServerAnswer = v.object({ server: Identified });
export const ServersAnswer = v.object({ servers: v.array(Identified), servers_links: Links });

const HOST = 'OS-EXT-SRV-ATTR:host';
const VM_STATE = 'OS-EXT-STS:vm_state';
const TASK_STATE = 'OS-EXT-STS:task_state';
const POWER = 'OS-EXT-STS:power_state';

const Whole = v.object({
  metadata: v.record(v.string(), v.string()),
  locked: v.boolean(),
  [HOST]: v.nullable(v.string()),
  [VM_STATE]: Id,
  [TASK_STATE]: v.nullable(v.string()),
  [POWER]: v.nullable(v.number()),
});

/** By these an operator may order and exclude instances; a record without them is evacuated as any other. */
const Described = v.object({
  flavor: v.fallback(
    v.nullish(
      v.object({ original_name: v.string(), extra_specs: v.optional(v.nullable(v.record(v.string(), v.string()))) }),
    ),
    null,
  ),
  // Nova writes an empty text for an instance that boots from a volume.
  image: v.fallback(v.nullish(v.union([v.literal(''), v.object({ id: v.string() })])), null),
  tags: v.fallback(v.nullish(v.array(v.string())), null),
});

/** Fields that Nova omits for roles without a right. */
const RIGHTS: Readonly<Record<string, string>> = {
  [HOST]: 'os_compute_api:os-extended-server-attributes',
  [VM_STATE]: 'os_compute_api:os-extended-status',
  [TASK_STATE]: 'os_compute_api:os-extended-status',
  [POWER]: 'os_compute_api:os-extended-status',
};

/** Where a record is, for messages. */
export interface Place {
  /** That of `answerTo`. */
  readonly start: string;
  readonly path: readonly (string | number)[];
}

/** Prepares Nova's text for a message. */
export type Quote = (words: string) => string;

/**
 * Throws `CloudError` of kind `unauthorized` if Nova hides a field of administrators, and of kind `unknown` if another field is missing.
 */
export function instanceOf(record: ServerRecord, place: Place, quote: Quote): Instance {
  const fault = quote(record.fault?.message ?? '');
  const identity = {
    uuid: record.id,
    name: record.name ?? '',
    projectId: record.tenant_id ?? '',
    userId: record.user_id ?? '',
    ...(fault === '' ? {} : { fault }),
  };
  if (isOfCellDown(record)) return { ...identity, ...NOTHING, vmState: 'unknown' };
  if (record.status === 'DELETED') return { ...identity, ...NOTHING, vmState: 'deleted' };
  assertRights(record, place);
  const whole = checked(Whole, record, place.start, place.path);
  return {
    ...identity,
    host: whole[HOST] || null,
    vmState: whole[VM_STATE],
    taskState: whole[TASK_STATE] || null,
    powerState: whole[POWER] ?? POWER_STATE.NOSTATE,
    locked: whole.locked,
    metadata: whole.metadata,
    addresses: addressesOf(record),
    properties: propertiesOf(record),
  };
}

function propertiesOf(record: ServerRecord): InstanceProperties {
  const { flavor, image, tags } = v.parse(Described, record);
  return {
    flavor: flavor?.original_name ?? null,
    extraSpecs: flavor?.extra_specs ?? null,
    image: typeof image === 'string' ? image : (image?.id ?? null),
    tags: tags ?? null,
  };
}

/** By network; a record without them is one of an instance that has no ports. */
const Addresses = v.object({
  addresses: v.fallback(v.record(v.string(), v.array(v.object({ addr: v.string() }))), {}),
});

function addressesOf(record: ServerRecord): string[] {
  const { addresses } = v.parse(Addresses, record);
  return Object.values(addresses).flatMap((ports) => ports.map(({ addr }) => addr));
}

/** An instance of which only this is known. */
export function unreadable({ id, name }: ServerRecord, host: string | null): Instance {
  return { uuid: id, name: name ?? '', projectId: '', userId: '', ...NOTHING, host, vmState: 'unknown' };
}

/** The host in a record, even if the rest cannot be read; undefined if it names none. */
export function hostOf(record: ServerRecord): string | undefined {
  const host = record[HOST];
  return typeof host === 'string' && host !== '' ? host : undefined;
}

const NOTHING = { host: null, taskState: null, powerState: POWER_STATE.NOSTATE, locked: false, metadata: {} } as const;

/** From 2.69 of an instance in a cell that does not respond. Nova uses the status for states that it does not know as well. */
function isOfCellDown(record: ServerRecord): boolean {
  return record.status === 'UNKNOWN' && !(HOST in record) && !(VM_STATE in record);
}

function assertRights(record: ServerRecord, { start, path }: Place): void {
  const hidden = Object.keys(RIGHTS).find((field) => !(field in record));
  if (hidden === undefined) return;
  const cure = `the agent's user needs the admin role, or the right ${RIGHTS[hidden]}`;
  throw new CloudError(
    'unauthorized',
    `${start} ${[...path, hidden].join('.')} of instance ${record.id} is hidden; ${cure}`,
  );
}
