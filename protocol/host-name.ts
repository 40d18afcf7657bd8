/**
 * Names of hosts: valid names, when two names belong to one host, and the search of a host among names. Pure.
 *
 * A host has one name in Nova (`host` of its nova-compute service). Pacemaker, Consul, systemd and operators may use its short name, its
 * fully qualified name, or another case. Host names are case-insensitive (RFC 1123).
 */

/** A host name: the letters that Nova and Masakari accept; not first "-" or ".", which no host has and which resembles an option. */
export const HOST_NAME = /^[a-zA-Z0-9_][a-zA-Z0-9\-._]{0,254}$/;

/** The rule for host names, as in messages. */
export const HOST_NAME_RULE = 'letters, digits and - . _, at most 255 of them, the first no "-" or "."';

export function isHostName(text: string): boolean {
  return HOST_NAME.test(text);
}

/** The form in which names are compared: lower case, without the dot of the root. */
export function comparableHost(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Whether two names are equal but for case. */
export function isEqualHost(one: string, other: string): boolean {
  return comparableHost(one) === comparableHost(other);
}

/** Whether two names can name one host: equal but for case, or one is the short name of the other. */
export function isSameHost(one: string, other: string): boolean {
  const [a, b] = [comparableHost(one), comparableHost(other)];
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

export type HostMatch =
  | { readonly match: 'one'; readonly name: string }
  | { readonly match: 'none' }
  /** Each of these may be the host. */
  | { readonly match: 'several'; readonly names: readonly string[] };

/** Finds a host among names of hosts. The same text comes first, then the same name in another case, then the short or full name. */
export function matchHost(host: string, names: Iterable<string>): HostMatch {
  const known = [...new Set(names)];
  if (known.includes(host)) return { match: 'one', name: host };
  const equal = known.filter((name) => isEqualHost(name, host));
  const found = equal.length > 0 ? equal : known.filter((name) => isSameHost(name, host));
  const [name] = found;
  if (name === undefined) return { match: 'none' };
  return found.length === 1 ? { match: 'one', name } : { match: 'several', names: found };
}
