/**
 * The inventory: data about each host that a source needs and cannot read itself. A YAML file:
 *
 *     hosts:
 *       compute-1:                       # its name in Nova
 *         addresses: { management: 10.0.0.11, tenant: 10.1.0.11, storage: 10.2.0.11 }
 *         bmc: { type: ipmi, address: 10.9.0.11, user: recovery, password_file: /etc/recovery-agent/bmc.password }
 *         consul: compute-1.example      # its name in Consul, if it differs
 *
 * Invariant: no message contains a value of the file, because a misplaced line may contain a password; it has the file, line and key.
 */

import { isIP } from 'node:net';
import * as v from 'valibot';
import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { readTrustedFile } from '#config/document/files.ts';
import { didYouMean } from '#config/document/nearest.ts';
import { ConfigurationError, errorAt, type Position, type Problem } from '#config/document/problem.ts';
import { linesOf } from '#config/document/text.ts';
import { HOST_NAME_RULE, isHostName } from '#protocol/host-name.ts';
import { BMC_KEYS, type Bmc, bmc, bmcDefaults, sharedSystems, withBmcDefaults } from './bmc-options.ts';
import { NETWORKS, type Network } from './source.ts';

/** More hosts than one cloud has; a longer list is an error. */
export const MAX_HOSTS = 4096;

const words = v.pipe(
  v.string('must be a text'),
  v.minLength(1, 'is empty'),
  v.maxLength(255, 'is longer than 255 characters'),
);
// Not a name: a host must be watched also without a name server.
const ipAddress = v.pipe(
  words,
  v.check((text) => isIP(text) !== 0, 'must be an IPv4 or IPv6 address'),
);
const hostName = v.pipe(words, v.check(isHostName, `must be a host name: ${HOST_NAME_RULE}`));
const host = v.strictObject({
  addresses: v.exactOptional(
    v.strictObject({
      management: v.exactOptional(ipAddress),
      tenant: v.exactOptional(ipAddress),
      storage: v.exactOptional(ipAddress),
    }),
  ),
  bmc: v.exactOptional(bmc),
  consul: v.exactOptional(words),
});

const inventory = v.strictObject({
  bmc_defaults: v.exactOptional(bmcDefaults),
  hosts: v.pipe(
    v.record(hostName, host, 'must be a list of hosts by name'),
    v.maxEntries(MAX_HOSTS, `has more than ${MAX_HOSTS} hosts`),
  ),
});

export type { Bmc, IpmiBmc, RedfishBmc } from './bmc-options.ts';

export interface InventoryHost {
  readonly name: string;
  readonly addresses: Readonly<Partial<Record<Network, string>>>;
  readonly bmc: Bmc | undefined;
  /** Its name in Consul. */
  readonly consul: string | undefined;
}

/** The hosts of the file; undefined if there is none. Throws a ConfigurationError with all faults. */
export function readInventory(file: string): readonly InventoryHost[] | undefined {
  const content = readTrustedFile(file);
  if (content === undefined) return undefined;
  const lines = linesOf(file, content.bytes);
  if ('problem' in lines) throw new ConfigurationError([lines.problem]);
  return parseInventory(file, lines.lines.join('\n'), content.mode);
}

/** The same for a source that requires the inventory. */
export function requireInventory(file: string, source: string): readonly InventoryHost[] {
  const hosts = readInventory(file);
  if (hosts !== undefined) return hosts;
  throw new Error(`${file} does not exist; ${source} needs an inventory: write one, or name it in [host] inventory`);
}

export function parseInventory(file: string, text: string, mode: number): readonly InventoryHost[] {
  const lineCounter = new LineCounter();
  // Every value stays the written text, including a password of digits.
  const document = parseDocument(text, { schema: 'failsafe', merge: true, prettyErrors: false, lineCounter });
  const at = (offset: number | undefined) => {
    const { line, col } = offset === undefined ? { line: 1, col: 1 } : lineCounter.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = document.errors[0];
  if (broken !== undefined) {
    const what = broken.code.toLowerCase().replaceAll('_', ' ');
    throw new ConfigurationError([errorAt(at(broken.pos[0]), `this is not YAML (${what})`)]);
  }
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: 10_000 });
  } catch {
    throw new ConfigurationError([errorAt(at(0), 'this is not YAML (an alias has no anchor, or there are too many)')]);
  }
  const parsed = v.safeParse(inventory, withBmcDefaults(tree ?? {}));
  if (!parsed.success) {
    throw new ConfigurationError(
      parsed.issues.map((issue) => problemOf(issue, (keys) => at(placeOf(document.contents, keys)))),
    );
  }
  const hosts = Object.entries(parsed.output.hosts).map(([name, { addresses = {}, bmc, consul }]) => {
    return { name, addresses, bmc, consul };
  });
  const shared = sharedSystems(hosts);
  if (shared.length > 0) {
    throw new ConfigurationError(
      shared.map(({ first, second, hint }) => {
        const place = at(placeOf(document.contents, ['hosts', second, 'bmc', 'address']));
        return errorAt(place, `"hosts.${second}.bmc" is the BMC of host ${first} too; ${hint}`);
      }),
    );
  }
  const { ipmi, redfish } = parsed.output.bmc_defaults ?? {};
  const holdsPassword = [ipmi, redfish, ...hosts.map((one) => one.bmc)].some((one) => one?.password !== undefined);
  if ((mode & 0o007) !== 0 && holdsPassword) {
    const message = `it holds a password and every user of this machine has access; chmod 640 ${file}`;
    throw new ConfigurationError([errorAt(at(0), message)]);
  }
  return hosts;
}

const KEYS = ['hosts', 'bmc_defaults', ...Object.keys(host.entries), ...NETWORKS];

function problemOf(issue: v.InferIssue<typeof inventory>, at: (keys: readonly string[]) => Position): Problem {
  const keys = issue.path?.map(({ key }) => String(key)) ?? [];
  const place = at(keys);
  const key = keys.at(-1) ?? 'the file';
  const shown = keys.length === 0 ? 'the file' : `"${keys.join('.')}"`;
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const isBmc = keys.includes('bmc') || keys.includes('bmc_defaults');
    return errorAt(place, `unknown key ${shown}${didYouMean(key, isBmc ? BMC_KEYS : KEYS)}`);
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') {
    return errorAt(place, `${shown} is missing`);
  }
  const what = issue.type === 'strict_object' ? 'must contain keys with values' : issue.message;
  return errorAt(place, `${shown} ${what}`);
}

/** The position of the key, or of the nearest one above it (if a key is missing, or comes from an anchor). */
function placeOf(contents: ParsedNode | null, keys: readonly string[]): number | undefined {
  let node: unknown = contents;
  let offset = contents?.range[0];
  for (const key of keys) {
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (pair === undefined) break;
    if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
    node = pair.value;
  }
  return offset;
}
