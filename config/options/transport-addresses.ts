/** Addresses of engines as written in the file: `unix:/PATH`, or `HOST` or `HOST:PORT` of TLS. */

import { isIP } from 'node:net';
import { isHostName } from '#protocol/host-name.ts';
import { listItems, type OptionSpec, type Parsed, shown } from './kinds.ts';

/** Without a port it is the one of option `port`. */
export interface NodeAddress {
  readonly kind: 'tls';
  readonly host: string;
  readonly port: number | undefined;
}

export type WrittenAddress = { readonly kind: 'unix'; readonly path: string } | NodeAddress;

const MAX_ADDRESSES = 32;
const MAX_HOSTS = 1000;

/** Addresses at which a host contacts the engine, in this order. */
export function engineAddresses(name: string, written: string, help: string): OptionSpec<readonly WrittenAddress[]> {
  const takes =
    'addresses like unix:/run/recovery-agent/engine.sock, controller-1, 192.0.2.1:7420 or [2001:db8::1], or nothing';
  return list(name, written, takes, help, readAddress);
}

/** Addresses on which the engine listens for other nodes. */
export function listenAddresses(name: string, help: string): OptionSpec<readonly NodeAddress[]> {
  const takes = 'addresses of this node like 0.0.0.0, 192.0.2.1:7420 or [::], or nothing';
  return list(name, '', takes, help, readNodeAddress);
}

/** Names of hosts, as their keys or certificates have them. */
export function hostNames(name: string, help: string): OptionSpec<readonly string[]> {
  const read = (text: string): string | undefined => (isHostName(text) ? text : undefined);
  return list(name, '', 'names of hosts, separated by commas or blanks, or nothing', help, read, MAX_HOSTS);
}

function list<T>(
  name: string,
  written: string,
  takes: string,
  help: string,
  read: (text: string) => T | undefined,
  most = MAX_ADDRESSES,
): OptionSpec<readonly T[]> {
  const parse = (text: string): Parsed<readonly T[]> => {
    const addresses: T[] = [];
    for (const item of listItems(text)) {
      const address = read(item.text);
      if (address === undefined) return { fault: `takes ${takes}, not ${shown(item.text)}`, offset: item.offset };
      addresses.push(address);
    }
    return addresses.length > most ? { fault: `takes at most ${most} of them` } : { value: addresses };
  };
  const parsed = parse(written);
  return { name, fallback: 'value' in parsed ? parsed.value : [], written, takes, help, secret: false, parse };
}

function readAddress(text: string): WrittenAddress | undefined {
  if (!text.startsWith('unix:')) return readNodeAddress(text);
  const path = text.slice('unix:'.length);
  return path.startsWith('/') ? { kind: 'unix', path } : undefined;
}

/** Undefined: it is no `HOST` or `HOST:PORT`. */
export function readNodeAddress(text: string): NodeAddress | undefined {
  const [, six, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (six !== undefined) return isIP(six) === 6 ? { kind: 'tls', host: six, port } : undefined;
  return name !== undefined && isHostName(name) ? { kind: 'tls', host: name, port } : undefined;
}
