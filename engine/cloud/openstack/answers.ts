/**
 * Nova's answers, parsed into what tasks work with.
 *
 * Invariant: nothing of an answer is believed before its schema is. What does not fit is named by its place, never quoted.
 */
import * as v from 'valibot';
import {
  type Aggregate,
  CloudError,
  type ComputeService,
  type Evacuation,
  type Instance,
  type InstanceAction,
  type MigrationRecord,
  POWER_STATE,
} from '../cloud.ts';
import { type Asked, sizeAndType } from './faults.ts';
import type { Answer } from './transport.ts';

const Id = v.pipe(v.string(), v.minLength(1));
const Text = v.nullish(v.string());

/** The body of an answer; throws `CloudError` of kind `unknown`, for whoever sent it, it was not this API. */
export function parsed<S extends v.GenericSchema>(schema: S, answer: Answer, asked: Asked): v.InferOutput<S> {
  const start = `${asked.who} answered ${answer.status} to ${asked.what}, but`;
  let tree: unknown;
  try {
    tree = JSON.parse(answer.body);
  } catch {
    // The parser's own message quotes the text.
    throw new CloudError('unknown', `${start} not with JSON (${sizeAndType(answer)})`, { status: answer.status });
  }
  const result = v.safeParse(schema, tree);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = issue.path?.map(({ key }) => (/^[\w:-]{1,40}$/.test(String(key)) ? key : '…')).join('.') ?? 'the whole';
  throw new CloudError('unknown', `${start} ${place} is not ${issue.expected ?? 'as expected'}`, {
    status: answer.status,
  });
}

/** A time as OpenStack writes it: ISO, in UTC even where it does not say so. */
export function utc(text: string | null | undefined): Date | undefined {
  if (text === null || text === undefined) return undefined;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? undefined : new Date(at);
}

const Server = v.object({
  id: Id,
  name: Text,
  status: v.optional(v.string(), ''),
  tenant_id: Text,
  user_id: Text,
  metadata: v.nullish(v.record(v.string(), v.string())),
  locked: v.optional(v.boolean(), false),
  'OS-EXT-SRV-ATTR:host': Text,
  'OS-EXT-STS:vm_state': Text,
  'OS-EXT-STS:task_state': Text,
  'OS-EXT-STS:power_state': v.nullish(v.number()),
  // Nova shows it of servers in ERROR and of deleted ones.
  fault: v.nullish(v.object({ message: v.optional(v.string(), '') })),
});
type Server = v.InferOutput<typeof Server>;

/** Nova's status of an instance in a cell that does not answer: it knows little more than the uuid (from 2.69). */
const CELL_DOWN = 'UNKNOWN';

export const ServerAnswer = v.object({ server: Server });
export const Links = v.optional(v.array(v.object({ rel: v.string() })), []);
export const ServersAnswer = v.object({ servers: v.array(Server), servers_links: Links });

/** Throws `CloudError` of kind `unauthorized` where Nova hides what only administrators see. */
export function instanceOf(server: Server): Instance {
  const host = server['OS-EXT-SRV-ATTR:host'];
  const vmState =
    server.status === 'DELETED' ? 'deleted' : (server['OS-EXT-STS:vm_state'] ?? server.status.toLowerCase());
  if (host === undefined && server.status !== CELL_DOWN && vmState !== 'deleted') {
    const cure = 'its user needs the admin role';
    throw new CloudError(
      'unauthorized',
      `Nova does not tell the agent on which host instance ${server.id} is; ${cure}`,
    );
  }
  return {
    uuid: server.id,
    name: server.name ?? '',
    host: host || null,
    vmState,
    taskState: server['OS-EXT-STS:task_state'] || null,
    powerState: server['OS-EXT-STS:power_state'] ?? POWER_STATE.NOSTATE,
    locked: server.locked,
    metadata: server.metadata ?? {},
    projectId: server.tenant_id ?? '',
    userId: server.user_id ?? '',
  };
}

/** `image` is an empty text for an instance that boots from a volume or a blank disk. */
export const ImageAnswer = v.object({
  server: v.object({ id: Id, image: v.nullish(v.union([v.string(), v.object({ id: Id })])) }),
});

/** Throws `CloudError` of kind `refused` where there is none. */
export function imageOf({ server: { id, image } }: v.InferOutput<typeof ImageAnswer>): string {
  if (typeof image === 'object' && image !== null) return image.id;
  const message = `instance ${id} was not made from an image (it boots from a volume or a blank disk), so it cannot be rebuilt from it`;
  throw new CloudError('refused', message);
}

export const ActionsAnswer = v.object({
  instanceActions: v.array(
    v.object({ action: v.string(), request_id: Id, start_time: Text, message: Text, user_id: Text }),
  ),
});

/** Nova writes the word `Error` into `message` when an action ends in one. */
export function actionsOf({ instanceActions }: v.InferOutput<typeof ActionsAnswer>): InstanceAction[] {
  return [...instanceActions]
    .sort((a, b) => (b.start_time ?? '').localeCompare(a.start_time ?? ''))
    .map(({ action, request_id, message, start_time, user_id }) => ({
      action,
      requestId: request_id,
      isFailed: message === 'Error',
      startedAt: utc(start_time) ?? null,
      userId: user_id || null,
    }));
}

const Service = v.object({
  id: v.union([Id, v.number()]),
  host: v.string(),
  status: v.picklist(['enabled', 'disabled']),
  state: v.picklist(['up', 'down']),
  forced_down: v.optional(v.boolean(), false),
  disabled_reason: Text,
  updated_at: Text,
});

export const ServicesAnswer = v.object({ services: v.array(Service) });

export function serviceOf(service: v.InferOutput<typeof Service>): ComputeService {
  const { id, host, status, state } = service;
  return {
    id: String(id),
    host,
    status,
    state,
    forcedDown: service.forced_down,
    disabledReason: service.disabled_reason || null,
    updatedAt: utc(service.updated_at) ?? null,
  };
}

const Time = v.pipe(
  v.string(),
  v.check((text) => utc(text) !== undefined),
);
const Migration = v.object({
  id: v.number(),
  uuid: v.optional(Id),
  instance_uuid: Text,
  migration_type: v.nullish(v.string()),
  source_compute: Text,
  dest_compute: Text,
  status: Text,
  created_at: Time,
  updated_at: v.nullish(Time),
});
export type Migration = v.InferOutput<typeof Migration>;

export const MigrationsAnswer = v.object({ migrations: v.array(Migration), migrations_links: Links });

export function evacuationOf(migration: Migration): Evacuation {
  return {
    id: migration.uuid ?? `id:${migration.id}`,
    instanceUuid: migration.instance_uuid ?? '',
    sourceHost: migration.source_compute ?? '',
    destinationHost: migration.dest_compute || null,
    status: migration.status ?? '',
    createdAt: new Date(`${utc(migration.created_at)?.toISOString()}`),
  };
}

const MIGRATION_TYPES = ['evacuation', 'live-migration', 'migration', 'resize'] as const;

/** Undefined for a record of a type that this client does not know, or of no instance. */
export function migrationOf(migration: Migration): MigrationRecord | undefined {
  const type = MIGRATION_TYPES.find((known) => known === migration.migration_type);
  if (type === undefined || !migration.instance_uuid) return undefined;
  return { ...evacuationOf(migration), type };
}

export const AggregatesAnswer = v.object({
  aggregates: v.array(
    v.object({ id: v.union([v.number(), Id]), name: v.string(), hosts: v.optional(v.array(v.string()), []) }),
  ),
});

export function aggregatesOf({ aggregates }: v.InferOutput<typeof AggregatesAnswer>): Aggregate[] {
  return aggregates.map(({ id, name, hosts }) => ({ id: String(id), name, hosts }));
}
