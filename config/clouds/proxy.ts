/**
 * The proxy for a URL, from the variables `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy` in either case, with the
 * rules of Python's requests, which the OpenStack clients send with. Pure.
 */
import { BlockList, isIPv4 } from 'node:net';
import { inspect } from 'node:util';
import { CredentialsError } from './settings.ts';

/** The variables about proxies among those of a process. A value may hold a password, so only their names show themselves. */
export class ProxyVariables {
  readonly #values: ReadonlyMap<string, string>;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    const entries = Object.entries(environment).filter(([name]) => /_proxy$/i.test(name));
    this.#values = new Map(entries.map(([name, value = '']) => [name, value]));
  }

  get names(): readonly string[] {
    return [...this.#values.keys()];
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  toJSON(): readonly string[] {
    return this.names;
  }

  [inspect.custom](): string {
    return `[proxies: ${this.names.join(', ')}]`;
  }
}

export interface Proxy {
  /** May hold a user name and a password. */
  readonly url: URL;
  /** The variable that names it. */
  readonly variable: string;
}

/** Undefined: requests go directly. Throws `CredentialsError` for a proxy that cannot be used. */
export function proxyFor(url: URL, variables: ProxyVariables | undefined): Proxy | undefined {
  if (variables === undefined) return undefined;
  const found = variable(variables, url.protocol.slice(0, -1)) ?? variable(variables, 'all');
  if (found === undefined || isExempt(url, variables)) return undefined;
  const [name, value] = found;
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  // The value is not repeated: it may hold a password.
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol) || proxy.hostname === '') {
    throw new CredentialsError(
      `${name} is not the URL of an HTTP proxy; a value like http://proxy.example:3128 is allowed`,
    );
  }
  return { url: proxy, variable: name };
}

/** The lower case goes before, and turns the other off where it is empty. */
function variable(variables: ProxyVariables, scheme: string): readonly [name: string, value: string] | undefined {
  const name = `${scheme}_proxy`;
  const lower = variables.get(name);
  if (lower !== undefined) return lower === '' ? undefined : [name, lower];
  const other = variables.names.findLast((each) => each.toLowerCase() === name && variables.get(each) !== '');
  return other === undefined ? undefined : [other, variables.get(other) ?? ''];
}

function isExempt(url: URL, variables: ProxyVariables): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const list = variables.get('no_proxy') || variables.get('NO_PROXY') || '';
  const entries = list.replaceAll(' ', '').split(',').filter(Boolean);
  if (isIPv4(host)) {
    if (entries.some((entry) => entry === host || isInNetwork(host, entry))) return true;
  } else {
    const withPort = url.port === '' ? host : `${host}:${url.port}`;
    if (entries.some((entry) => host.endsWith(entry) || withPort.endsWith(entry))) return true;
  }
  const suffixes = variable(variables, 'no')?.[1] ?? '';
  if (suffixes === '*') return true;
  return suffixes
    .split(',')
    .map((entry) => entry.trim().replace(/^\.+/, '').toLowerCase())
    .some((entry) => entry !== '' && (host === entry || host.endsWith(`.${entry}`)));
}

function isInNetwork(host: string, entry: string): boolean {
  const [network = '', bits = '', ...rest] = entry.split('/');
  if (rest.length > 0 || !isIPv4(network) || !/^\d{1,2}$/.test(bits)) return false;
  const prefix = Number(bits);
  if (prefix < 1 || prefix > 32) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix);
  return list.check(host);
}
