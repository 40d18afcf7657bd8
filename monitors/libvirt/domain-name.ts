/** The name of a domain in libvirt's protocol. */
import type { XdrReader, XdrWriter } from './xdr.ts';

export interface DomainName {
  readonly name: string;
  readonly uuid: string;
  /** New at each start; -1 while the domain does not run, and in some of the events of its end. */
  readonly id: number;
}

export function readDomain(reader: XdrReader): DomainName {
  return { name: reader.text(), uuid: reader.uuid(), id: reader.int() };
}

export function writeDomain(writer: XdrWriter, { name, uuid, id }: DomainName): XdrWriter {
  return writer.text(name).uuid(uuid).int(id);
}
