/** The calls to libvirt about domains. */
import type { LibvirtConnection } from './connection.ts';
import { ERROR_CODE, METADATA_ELEMENT, PROCEDURE, STATE, STATS } from './constants.ts';
import { type DomainName, readDomain, writeDomain } from './domain-name.ts';
import { LibvirtRefusal } from './errors.ts';
import { NOVA_NAMESPACES } from './nova-namespace.ts';
import { MalformedReply, type XdrReader, XdrWriter } from './xdr.ts';

export interface DomainState {
  /** virDomainState */
  readonly state: number;
  /** Its meaning depends on the state. */
  readonly reason: number;
}

export interface ListedDomain extends DomainName, DomainState {}

/** libvirt's access to QEMU's monitor: `occupied` with one command for `forMs`; `error`: libvirt has lost it. */
export interface Control {
  readonly state: 'ok' | 'job' | 'occupied' | 'error';
  readonly forMs: number;
}

/** REMOTE_DOMAIN_LIST_MAX and REMOTE_DOMAIN_GET_ALL_STATS_MAX of remote_protocol.x. */
const MAX_DOMAINS = 16_384;
const MAX_PARAMETERS = 4096;

/** A typed parameter (virTypedParameterType): its name, and its value if that is an integer. */
function readParameter(reader: XdrReader): readonly [name: string, value: number | undefined] {
  const name = reader.text();
  const type = reader.int();
  switch (type) {
    case 1:
      return [name, reader.int()];
    case 2:
      return [name, reader.uint()];
    case 3:
    case 4:
      reader.hyper();
      return [name, undefined];
    case 5:
      reader.double();
      return [name, undefined];
    case 6:
      return [name, reader.int()];
    case 7:
      reader.text();
      return [name, undefined];
    default:
      throw new MalformedReply(`a parameter is of the unknown type ${type}`);
  }
}

/** Its guest is running: not paused, not suspended, not shutting down. */
export function isRunning({ state }: Pick<DomainState, 'state'>): boolean {
  return state === STATE.running || state === STATE.blocked;
}

/** All domains with their states, running or not, in one round trip. */
export async function listDomains(connection: LibvirtConnection, signal?: AbortSignal): Promise<ListedDomain[]> {
  const body = new XdrWriter().uint(0).uint(STATS.state).uint(0).bytes();
  const reply = await connection.call(PROCEDURE.getAllDomainStats, body, { signal });
  return reply.list(MAX_DOMAINS, (reader) => {
    const domain = readDomain(reader);
    const parameters = new Map(reader.list(MAX_PARAMETERS, readParameter));
    return { ...domain, state: parameters.get('state.state') ?? 0, reason: parameters.get('state.reason') ?? 0 };
  });
}

/** Undefined if there is no such domain. */
export async function stateOf(
  connection: LibvirtConnection,
  domain: DomainName,
  signal?: AbortSignal,
): Promise<DomainState | undefined> {
  const reply = await query(connection, PROCEDURE.domainGetState, domain, signal);
  return reply && { state: reply.int(), reason: reply.int() };
}

/** Undefined if there is no such domain. */
export async function controlOf(
  connection: LibvirtConnection,
  domain: DomainName,
  signal?: AbortSignal,
): Promise<Control | undefined> {
  const reply = await query(connection, PROCEDURE.domainGetControlInfo, domain, signal);
  if (reply === undefined) return undefined;
  const state = (['ok', 'job', 'occupied'] as const)[reply.uint()] ?? 'error';
  reply.uint(); // details of an error
  // Milliseconds stay exact far below 2^53.
  return { state, forMs: Number(reply.hyper()) };
}

/** The description of the domain, the live one while it runs; undefined if there is no such domain. */
export async function xmlOf(
  connection: LibvirtConnection,
  domain: DomainName,
  signal?: AbortSignal,
): Promise<string | undefined> {
  return (await query(connection, PROCEDURE.domainGetXmlDesc, domain, signal))?.text();
}

/** A call with a domain and no flags. */
async function query(
  connection: LibvirtConnection,
  procedure: number,
  domain: DomainName,
  signal: AbortSignal | undefined,
): Promise<XdrReader | undefined> {
  try {
    return await connection.call(procedure, writeDomain(new XdrWriter(), domain).uint(0).bytes(), { signal });
  } catch (error) {
    if (error instanceof LibvirtRefusal && error.code === ERROR_CODE.noDomain) return undefined;
    throw error;
  }
}

/** True if Nova created it, by the metadata that Nova writes; undefined if the domain no longer exists. */
export async function isOfNova(connection: LibvirtConnection, domain: DomainName): Promise<boolean | undefined> {
  for (const namespace of NOVA_NAMESPACES) {
    try {
      const body = writeDomain(new XdrWriter(), domain).int(METADATA_ELEMENT).optionalText(namespace).uint(0).bytes();
      await connection.call(PROCEDURE.domainGetMetadata, body);
      return true;
    } catch (error) {
      if (!(error instanceof LibvirtRefusal)) throw error;
      if (error.code === ERROR_CODE.noDomain) return undefined;
      if (error.code !== ERROR_CODE.noDomainMetadata) throw error;
    }
  }
  return false;
}
