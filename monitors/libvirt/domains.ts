/** What is asked of libvirt about domains. */
import { type LibvirtConnection, LibvirtRefusal } from './connection.ts';
import { ERROR_CODE, METADATA_ELEMENT, PROCEDURE, STATS_STATE } from './constants.ts';
import { type DomainName, readDomain } from './events.ts';
import { MalformedReply, type XdrReader, XdrWriter } from './xdr.ts';

export interface DomainState {
  /** virDomainState */
  readonly state: number;
  /** Its meaning depends on the state. */
  readonly reason: number;
}

export interface ListedDomain extends DomainName, DomainState {}

/** REMOTE_DOMAIN_LIST_MAX and REMOTE_DOMAIN_GET_ALL_STATS_MAX of remote_protocol.x. */
const MAX_DOMAINS = 16_384;
const MAX_PARAMETERS = 4096;

/** The namespaces under which Nova describes an instance: since Wallaby, and before. */
const NOVA_NAMESPACES = ['http://openstack.org/xmlns/libvirt/nova/1.1', 'http://openstack.org/xmlns/libvirt/nova/1.0'];

/** A typed parameter (virTypedParameterType): its name, and its value where it is a whole number. */
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

/** All domains with their states, running or not, in one round trip. */
export async function listDomains(connection: LibvirtConnection): Promise<ListedDomain[]> {
  const body = new XdrWriter().uint(0).uint(STATS_STATE).uint(0).bytes();
  const reply = await connection.call(PROCEDURE.getAllDomainStats, body);
  return reply.list(MAX_DOMAINS, (reader) => {
    const domain = readDomain(reader);
    const parameters = new Map(reader.list(MAX_PARAMETERS, readParameter));
    return { ...domain, state: parameters.get('state.state') ?? 0, reason: parameters.get('state.reason') ?? 0 };
  });
}

function nameOnWire({ name, uuid, id }: DomainName): XdrWriter {
  return new XdrWriter().text(name).uuid(uuid).int(id);
}

/** Undefined when there is no such domain. */
export async function stateOf(connection: LibvirtConnection, domain: DomainName): Promise<DomainState | undefined> {
  try {
    const reply = await connection.call(PROCEDURE.domainGetState, nameOnWire(domain).uint(0).bytes());
    return { state: reply.int(), reason: reply.int() };
  } catch (error) {
    if (error instanceof LibvirtRefusal && error.code === ERROR_CODE.noDomain) return undefined;
    throw error;
  }
}

/** Whether Nova made it, by the metadata that Nova writes; undefined when there is no such domain any more. */
export async function isOfNova(connection: LibvirtConnection, domain: DomainName): Promise<boolean | undefined> {
  for (const namespace of NOVA_NAMESPACES) {
    try {
      const body = nameOnWire(domain).int(METADATA_ELEMENT).optionalText(namespace).uint(0).bytes();
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
