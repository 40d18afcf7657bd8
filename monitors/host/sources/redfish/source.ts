/**
 * The power state of hosts over Redfish (DMTF DSP0266), read from their BMCs.
 *
 * Invariants: only over TLS with a verified certificate, since a forged response could have a running host evacuated and a
 * false server would receive the password. Only PowerState "Off" of the one system that is the host is power off.
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import type { EngineOptions } from '#config/options/options.ts';
import { passwordOf } from '../bmc-password.ts';
import { HttpClient, statusOf } from '../http-client.ts';
import { type InventoryHost, type RedfishBmc, requireInventory } from '../inventory.ts';
import { powerOfAll } from '../power.ts';
import type { Source, SourceKind } from '../source.ts';
import { RedfishSession } from './session.ts';
import { type Choice, chooseSystem, idOf, memberPath, type PowerState, pathOf, powerIn, SYSTEMS } from './system.ts';

interface RedfishHost {
  readonly name: string;
  readonly bmc: RedfishBmc;
}

/** The results of earlier polls of a BMC. */
interface Findings {
  choice?: Choice;
  needsSession?: boolean;
}

const MAX_SYSTEMS = 256;
const MAX_PAGES = 32;
const PAGE_PATH = /^\/redfish\/v1\/Systems\/?\?[^#\s]{1,1000}$/i;

const collection = v.looseObject({
  Members: v.pipe(v.array(v.object({ '@odata.id': v.string() })), v.maxLength(MAX_SYSTEMS)),
  'Members@odata.count': v.fallback(v.optional(v.number()), undefined),
  'Members@odata.nextLink': v.optional(v.string()),
});

export const redfish: SourceKind<'hostSources'> = {
  name: 'redfish',
  groups: ['hostSources'],
  create: createRedfishSource,
};

export async function createRedfishSource(options: Pick<EngineOptions, 'hostSources'>, node: string): Promise<Source> {
  const { inventory, bmcsParallel, redfishTimeoutMs } = options.hostSources;
  const hosts = requireInventory(inventory, 'redfish').filter(hasRedfish);
  if (hosts.length === 0) throw new Error(`${inventory} has no host with a bmc of type redfish`);
  const others = hosts.filter(({ name }) => name !== node);
  const known = new Map<string, Findings>(others.map(({ name }) => [name, {}]));
  return {
    name: 'redfish',
    poll: (signal) =>
      powerOfAll(
        'redfish',
        others,
        bmcsParallel,
        ({ name, bmc }) => readPower(bmc, bmc.timeout ?? redfishTimeoutMs, known.get(name) ?? {}, signal),
        signal,
      ),
  };
}

function hasRedfish(host: InventoryHost): host is InventoryHost & RedfishHost {
  return host.bmc?.type === 'redfish';
}

async function readPower(
  bmc: RedfishBmc,
  timeoutMs: number,
  findings: Findings,
  signal: AbortSignal,
): Promise<PowerState> {
  const { address, port = 443, ca_file, server_name, user, auth } = bmc;
  const password = passwordOf(bmc);
  await using client = new HttpClient({
    origin: `https://${isIPv6(address) ? `[${address}]` : address}:${port}`,
    timeoutMs,
    signal,
    redirects: 'same-origin',
    tls: {
      ...(ca_file === undefined ? {} : { ca: readAuthorities(ca_file) }),
      ...(server_name === undefined ? {} : { servername: server_name }),
    },
  });
  const authentication = auth ?? (findings.needsSession === true ? 'session' : 'basic-or-session');
  await using session = new RedfishSession(client, { user, password }, authentication, timeoutMs);
  try {
    const power = await powerOf(session, bmc, findings);
    findings.needsSession ||= session.needsSession;
    return power;
  } catch (error) {
    // Basic authentication may be accepted again, e.g. after a change of settings.
    if (statusOf(error) !== undefined) findings.needsSession = false;
    throw error;
  }
}

async function powerOf(session: RedfishSession, bmc: RedfishBmc, findings: Findings): Promise<PowerState> {
  const path = bmc.system === undefined ? await onlySystem(session, findings) : pathOf(bmc.system);
  try {
    const { body, path: answeredPath } = await session.get(path);
    return powerIn(body, { path, answeredPath, uuid: bmc.uuid });
  } catch (error) {
    if (bmc.system === undefined || statusOf(error) !== 404) throw error;
    const ids = await systemsOf(session).then((paths) => paths.map((listed) => JSON.stringify(idOf(listed))));
    throw new Error(
      `the BMC has no system ${JSON.stringify(bmc.system)}; it has ${ids.slice(0, 16).join(', ') || 'none'}`,
    );
  }
}

async function onlySystem(session: RedfishSession, findings: Findings): Promise<string> {
  const paths = await systemsOf(session);
  const choice = chooseSystem(paths, findings.choice);
  // The first choice stays, also the result that there were several. A BMC that starts may list none.
  if (paths.length > 0) findings.choice ??= choice;
  if ('refused' in choice) throw new Error(choice.refused);
  return choice.path;
}

/** Paths of all systems, of every page. Throws if the list is incomplete. */
async function systemsOf(session: RedfishSession): Promise<readonly string[]> {
  const paths = new Set<string>();
  let page: string | undefined = SYSTEMS;
  let count: number | undefined;
  for (let pages = 0; page !== undefined; pages += 1) {
    const answer = v.safeParse(collection, (await session.get(page)).body);
    if (!answer.success) throw new Error(`the BMC does not list its systems in ${SYSTEMS}`);
    count ??= answer.output['Members@odata.count'];
    for (const member of answer.output.Members) {
      const path = memberPath(member['@odata.id']);
      if (path === undefined) throw new Error('the BMC lists a system whose path is not one of Redfish');
      paths.add(path.replace(/\/+$/, ''));
    }
    page = nextPage(answer.output['Members@odata.nextLink']);
    if (paths.size > MAX_SYSTEMS || pages >= MAX_PAGES)
      throw new Error(`the BMC lists more than ${MAX_SYSTEMS} systems`);
  }
  if (count !== undefined && count > paths.size) {
    throw new Error(
      `the BMC lists ${paths.size} of its ${count} systems in ${SYSTEMS}: which one is the host is unknown`,
    );
  }
  return [...paths];
}

function nextPage(link: string | undefined): string | undefined {
  if (link === undefined || link === '') return undefined;
  const url = URL.parse(link, 'https://bmc');
  const path = url === null ? '' : `${url.pathname}${url.search}`;
  if (!PAGE_PATH.test(path)) throw new Error('the BMC continues the list of its systems outside of it');
  return path;
}

function readAuthorities(file: string): string {
  let authorities: string;
  try {
    authorities = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`the ca_file ${file} cannot be read`, { cause });
  }
  // An empty text would mean the authorities of the system.
  if (!authorities.includes('-----BEGIN')) throw new Error(`the ca_file ${file} contains no certificate in PEM form`);
  return authorities;
}
