/** The keys of a BMC in the inventory: the value of each, and the error for an invalid one. */
import { isIP } from 'node:net';
import * as v from 'valibot';
import { HOST_NAME_RULE, isHostName } from '#protocol/host-name.ts';

const words = v.pipe(
  v.string('must be a text'),
  v.minLength(1, 'is empty'),
  v.maxLength(255, 'is longer than 255 characters'),
);
const path = v.pipe(words, v.startsWith('/', 'must be an absolute path'));
const hostName = v.pipe(words, v.check(isHostName, `must be a host name: ${HOST_NAME_RULE}`));
const address = v.pipe(
  words,
  v.check(
    (text) => (isIP(text) !== 0 && !text.includes('%')) || isHostName(text),
    'must be an IP address or a host name',
  ),
);

function number(pattern: RegExp, [least, most]: readonly [number, number], message: string) {
  return v.pipe(
    words,
    v.regex(pattern, message),
    v.transform(Number),
    v.check((value) => value >= least && value <= most, message),
  );
}

const milliseconds = v.pipe(
  number(/^\d{1,3}(\.\d{1,3})?$/, [0.1, 300], 'must be seconds, 0.1 to 300'),
  v.transform((seconds) => seconds * 1000),
);

const access = {
  address,
  port: v.exactOptional(number(/^\d{1,5}$/, [1, 65_535], 'must be a port, 1 to 65535')),
  // It becomes an argument of ipmitool, so it must not resemble an option.
  user: v.pipe(words, v.regex(/^[^-\s][^\s]*$/, 'must be a user name without blanks')),
  password: v.exactOptional(words),
  password_file: v.exactOptional(path),
  /** Milliseconds, read as seconds. */
  timeout: v.exactOptional(milliseconds),
};

const ipmi = {
  type: v.literal('ipmi'),
  ...access,
  interface: v.exactOptional(v.picklist(['lanplus', 'lan'], 'must be lanplus or lan')),
  privilege: v.exactOptional(
    v.picklist(['USER', 'OPERATOR', 'ADMINISTRATOR'], 'must be USER, OPERATOR or ADMINISTRATOR'),
  ),
  // Source: IPMI 2.0, table 22-20. Suite 0 has no authentication: any host could forge "off".
  cipher_suite: v.exactOptional(number(/^\d{1,2}$/, [1, 17], 'must be a cipher suite, 1 to 17')),
  kg_key_file: v.exactOptional(path),
  retries: v.exactOptional(number(/^\d{1,3}$/, [0, 100], 'must be a number, 0 to 100')),
  retry_interval: v.exactOptional(
    v.pipe(
      number(/^\d{1,3}(\.\d{1,3})?$/, [0, 300], 'must be seconds, 0 to 300'),
      v.transform((seconds) => seconds * 1000),
    ),
  ),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const redfish = {
  type: v.literal('redfish'),
  ...access,
  system: v.exactOptional(
    v.pipe(
      words,
      v.regex(/^(?!\.{1,2}$)[a-zA-Z0-9\-._~:+@=]+$/, 'must be the Id of a system, the last part of its path'),
    ),
  ),
  uuid: v.exactOptional(v.pipe(words, v.regex(UUID, 'must be the UUID of the system'))),
  auth: v.exactOptional(v.picklist(['basic', 'session'], 'must be basic or session')),
  ca_file: v.exactOptional(path),
  server_name: v.exactOptional(hostName),
};

const ipmiBmc = v.strictObject(ipmi);
const redfishBmc = v.strictObject(redfish);

export const bmc = v.pipe(
  v.variant('type', [ipmiBmc, redfishBmc], 'must have type ipmi or redfish'),
  v.check(
    (one) => (one.password === undefined) !== (one.password_file === undefined),
    'needs either password_file or password',
  ),
  v.check(
    (one) => one.type !== 'ipmi' || one.interface !== 'lan' || (one.cipher_suite ?? one.kg_key_file) === undefined,
    'has cipher_suite or kg_key_file, which only interface lanplus has',
  ),
);

/** Defaults of all BMCs of a type: every key except those that belong to one host. */
function defaultsOf<Entries extends v.ObjectEntries>(entries: Entries) {
  const shared = Object.entries(entries).filter(([key]) => !HOSTS_OWN.has(key));
  return v.exactOptional(v.strictObject(Object.fromEntries(shared.map(([key, kind]) => [key, v.optional(kind)]))));
}

const HOSTS_OWN: ReadonlySet<string> = new Set(['type', 'address', 'system', 'uuid']);

export const bmcDefaults = v.strictObject({ ipmi: defaultsOf(ipmi), redfish: defaultsOf(redfish) });

export const BMC_KEYS: readonly string[] = [...new Set([...Object.keys(ipmi), ...Object.keys(redfish)])];

export type Bmc = v.InferOutput<typeof bmc>;
export type IpmiBmc = v.InferOutput<typeof ipmiBmc>;
export type RedfishBmc = v.InferOutput<typeof redfishBmc>;

/**
 * The tree of an inventory with the defaults of its type in each BMC, still unchecked. A host that has a password of its own
 * takes neither of the defaults' passwords, and one with interface lan none of the keys of lanplus.
 */
export function withBmcDefaults(tree: unknown): unknown {
  if (!isRecord(tree) || !isRecord(tree.bmc_defaults) || !isRecord(tree.hosts)) return tree;
  const defaults = tree.bmc_defaults;
  const hosts = Object.entries(tree.hosts).map(([name, host]) => {
    if (!isRecord(host) || !isRecord(host.bmc)) return [name, host];
    const type = String(host.bmc.type);
    const shared = Object.hasOwn(defaults, type) ? defaults[type] : undefined;
    return [name, isRecord(shared) ? { ...host, bmc: joined(shared, host.bmc) } : host];
  });
  return { ...tree, hosts: Object.fromEntries(hosts) };
}

const PASSWORDS: ReadonlySet<string> = new Set(['password', 'password_file']);
const LANPLUS_ONLY: ReadonlySet<string> = new Set(['cipher_suite', 'kg_key_file']);

function joined(defaults: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>) {
  const isReplaced = (key: string) =>
    (PASSWORDS.has(key) && ('password' in own || 'password_file' in own)) ||
    (LANPLUS_ONLY.has(key) && own.interface === 'lan');
  const kept = Object.entries(defaults).filter(([key]) => !isReplaced(key));
  return { ...Object.fromEntries(kept), ...own };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Hosts that would read the power of the same system; each pair in the order of the inventory. */
export function sharedSystems(
  hosts: readonly { readonly name: string; readonly bmc: Bmc | undefined }[],
): readonly { readonly first: string; readonly second: string; readonly hint: string }[] {
  const seen = new Map<string, { readonly name: string; readonly system: string | undefined }[]>();
  return hosts.flatMap(({ name, bmc: one }) => {
    if (one === undefined) return [];
    const standard = one.type === 'ipmi' ? 623 : 443;
    const key = `${one.type} ${canonical(one.address)} ${one.port ?? standard}`;
    const system = one.type === 'redfish' ? one.system : undefined;
    const others = seen.get(key) ?? [];
    seen.set(key, [...others, { name, system }]);
    const other = others.find(
      (earlier) => earlier.system === undefined || system === undefined || earlier.system === system,
    );
    if (other === undefined) return [];
    const hint = one.type === 'redfish' ? 'name the "system" of each, or correct the address' : 'correct the address';
    return [{ first: other.name, second: name, hint }];
  });
}

function canonical(address: string): string {
  const host = isIP(address) === 6 ? URL.parse(`https://[${address}]`)?.hostname : undefined;
  return host ?? address.toLowerCase().replace(/\.$/, '');
}
