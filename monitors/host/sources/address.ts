/** `HOST`, `HOST:PORT`, `[IPV6]:PORT` as in options; the kinds of the options have checked their form. */
import { listItems } from '#config/options/kinds.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function parseAddress(text: string, defaultPort: number): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Error(`"${text}" is no address: write HOST or HOST:PORT with a port of 1 to 65535, IPv6 in brackets`);
  }
  return { host, port };
}

export function parseAddresses(text: string, defaultPort: number): readonly Address[] {
  return listItems(text).map((item) => parseAddress(item.text, defaultPort));
}
