/** A domain as libvirt names it on the wire. */
import type { XdrReader, XdrWriter } from './xdr.ts';

export interface DomainName {
  readonly name: string;
  readonly uuid: string;
  /** Given anew at each start; -1 while it does not run, and in some of the events that tell of its end. */
  readonly id: number;
}

export function readDomain(reader: XdrReader): DomainName {
  return { name: reader.text(), uuid: reader.uuid(), id: reader.int() };
}

export function writeDomain(writer: XdrWriter, { name, uuid, id }: DomainName): XdrWriter {
  return writer.text(name).uuid(uuid).int(id);
}
