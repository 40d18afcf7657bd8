/**
 * Nova's records of migrations: evacuations are one type of them.
 *
 * Invariant: a record of another host is not read at all; a record of the host in question that lacks a required field is an error.
 */
import * as v from 'valibot';
import { checked, utc } from '#openstack/http/response-body.ts';
import type { Evacuation, MigrationRecord } from '../cloud.ts';
import { Links } from './responses.ts';

/** Fields of every record. `uuid` from 2.59. */
const Identified = v.looseObject({ id: v.number(), uuid: v.optional(v.pipe(v.string(), v.minLength(1))) });
type Identified = v.InferOutput<typeof Identified>;

export const MigrationsAnswer = v.object({ migrations: v.array(Identified), migrations_links: Links });

const Time = v.pipe(
  v.string(),
  v.check((text) => utc(text) !== undefined, 'a time'),
  v.transform((text) => utc(text) ?? new Date(Number.NaN)),
);

const Migration = v.object({
  instance_uuid: v.nullable(v.string()),
  migration_type: v.nullable(v.string()),
  source_compute: v.nullable(v.string()),
  dest_compute: v.nullable(v.string()),
  status: v.string(),
  created_at: Time,
  updated_at: v.nullish(Time),
});

/** A record together with its key. */
export interface Migration extends v.InferOutput<typeof Migration> {
  readonly key: string;
}

/** Unique for ever, and the marker of the page that follows. */
export function keyOf({ id, uuid }: Identified): string {
  return uuid ?? `id:${id}`;
}

/** A record as it was received. */
export interface Received {
  readonly record: Identified;
  /** Of a message about it, as `answerTo` gives it. */
  readonly start: string;
  /** Its place in the response. */
  readonly index: number;
}

/** The migration if it is one away from this host; throws `CloudError` of kind `unknown` that names what is missing. */
export function migrationsFrom(host: string, { record, start, index }: Received): Migration[] {
  const { source_compute: source } = record;
  if (typeof source === 'string' && source !== host) return [];
  const migration = checked(Migration, record, start, ['migrations', index]);
  return migration.source_compute === host ? [{ ...migration, key: keyOf(record) }] : [];
}

/** Undefined for a record of another type, or of no instance. */
export function evacuationOf(migration: Migration): Evacuation | undefined {
  const record = migrationOf(migration);
  if (record?.type !== 'evacuation') return undefined;
  const { type: _, ...evacuation } = record;
  return evacuation;
}

const TYPES = ['evacuation', 'live-migration', 'migration', 'resize'] as const;

/** Undefined for a record of a type that this client does not know, or of no instance. */
export function migrationOf(migration: Migration): MigrationRecord | undefined {
  const type = TYPES.find((known) => known === migration.migration_type);
  if (type === undefined || !migration.instance_uuid) return undefined;
  return {
    id: migration.key,
    type,
    instanceUuid: migration.instance_uuid,
    sourceHost: migration.source_compute ?? '',
    destinationHost: migration.dest_compute || null,
    status: migration.status,
    createdAt: migration.created_at,
  };
}

/** For versions of Nova that cannot filter by time. */
export function changedAfter({ updated_at, created_at }: Migration, since: Date | undefined): boolean {
  if (since === undefined) return true;
  return (updated_at ?? created_at).getTime() >= Math.floor(since.getTime() / 1000) * 1000;
}

/** Final statuses of a migration of any type. */
const OVER: ReadonlySet<string> = new Set([
  'done',
  'completed',
  'confirmed',
  'reverted',
  'failed',
  'error',
  'cancelled',
]);

export function isOver({ status }: Migration): boolean {
  return OVER.has(status);
}
