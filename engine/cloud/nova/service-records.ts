/**
 * Nova's records of its services: of nova-compute on the hosts, and of those that evacuations need.
 *
 * Invariant: only the record of the host in question is read, so that a broken record of another host does no harm. Of a cell that is down
 * (2.69) Nova knows only the names of its hosts, and such a record is no service.
 */
import * as v from 'valibot';
import { CloudError } from '#openstack/cloud-error.ts';
import { checked, utc } from '#openstack/http/response-body.ts';
import type { ComputeService } from '../cloud.ts';
import { cellDown } from '../reading.ts';

export const ServicesAnswer = v.object({ services: v.array(v.unknown()) });

const Named = v.object({ host: v.string() });
const ForcedDown = v.object({ host: v.string(), forced_down: v.literal(true) });
const Silent = v.object({ host: v.string(), state: v.literal('down'), forced_down: v.literal(false) });
const Binary = v.object({ binary: v.string() });
const Up = v.object({ state: v.literal('up') });
/** Without a conductor nothing is carried out, without a scheduler no host is chosen. */
const CONTROL_SERVICES = ['nova-scheduler', 'nova-conductor'] as const;
const Unknown = v.object({ status: v.literal('UNKNOWN') });

const Service = v.object({
  id: v.union([v.pipe(v.string(), v.minLength(1)), v.number()]),
  host: v.string(),
  status: v.picklist(['enabled', 'disabled']),
  state: v.picklist(['up', 'down']),
  forced_down: v.boolean(),
  disabled_reason: v.nullable(v.string()),
  updated_at: v.nullish(v.string()),
});

/**
 * The service of this host; undefined if the list has none. Throws `CloudError`: `no_answer` if its cell is down, `refused` if two
 * services have the name.
 *
 * @param start of a message, as `answerTo` gives it
 */
export function serviceOn(
  host: string,
  { services }: v.InferOutput<typeof ServicesAnswer>,
  start: string,
): ComputeService | undefined {
  const own = services.flatMap((record, index) => (hostOf(record) === host ? [{ record, index }] : []));
  const [first, second] = own;
  if (first === undefined) {
    // Any record without a name may be the one in question.
    for (const [index, record] of services.entries()) checked(Named, record, start, ['services', index]);
    return undefined;
  }
  if (own.some(({ record }) => v.is(Unknown, record))) throw cellDown(`host ${host}`);
  if (second !== undefined) {
    const cure = 'names of hosts must be unique';
    throw new CloudError('refused', `Nova has ${own.length} nova-compute services on hosts named ${host}; ${cure}`);
  }
  const service = checked(Service, first.record, start, ['services', first.index]);
  return {
    id: String(service.id),
    host,
    status: service.status,
    state: service.state,
    forcedDown: service.forced_down,
    disabledReason: service.disabled_reason || null,
    updatedAt: utc(service.updated_at) ?? null,
  };
}

/** The records of nova-compute; a record without a binary is one of a cell that is down. */
export function computeRecords({
  services,
}: v.InferOutput<typeof ServicesAnswer>): v.InferOutput<typeof ServicesAnswer> {
  return { services: services.filter((record) => !v.is(Binary, record) || record.binary === 'nova-compute') };
}

/** The services that evacuations need and of which no record is up. Without any record nothing is known of a service. */
export function deadServicesOf({ services }: v.InferOutput<typeof ServicesAnswer>): string[] {
  return CONTROL_SERVICES.filter((name) => {
    const own = services.filter((record) => v.is(Binary, record) && record.binary === name);
    return own.length > 0 && !own.some((record) => v.is(Up, record));
  });
}

/** The names of the hosts. Throws `CloudError` if a record has none. */
export function hostNamesOf({ services }: v.InferOutput<typeof ServicesAnswer>, start: string): string[] {
  return services.map((record, index) => checked(Named, record, start, ['services', index]).host);
}

/** The names of the hosts whose service is forced down. A record of a cell that is down does not show it. */
export function forcedDownOf({ services }: v.InferOutput<typeof ServicesAnswer>): string[] {
  return services.flatMap((record) => (v.is(ForcedDown, record) ? [record.host] : []));
}

/** The names of the hosts whose service has stopped its reports, and is not forced down. */
export function silentOf({ services }: v.InferOutput<typeof ServicesAnswer>): string[] {
  return services.flatMap((record) => (v.is(Silent, record) ? [record.host] : []));
}

function hostOf(record: unknown): string | undefined {
  return v.is(Named, record) ? record.host : undefined;
}
