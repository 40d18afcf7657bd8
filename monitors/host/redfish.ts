/**
 * The power state of hosts over Redfish (DMTF DSP0266), asked of their management boards.
 *
 * Invariants: only over TLS with a certificate that was checked, for whoever can forge an answer could have a running host
 * evacuated, and would learn the password. Only PowerState "Off" of the one system that is the host is power off.
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import type { EngineOptions } from '#config/options.ts';
import type { Source } from './fact.ts';
import { HttpClient } from './http-client.ts';
import { type InventoryHost, type RedfishBoard, requireInventory } from './inventory.ts';
import { passwordOf } from './password.ts';
import { powerOfAll } from './power.ts';

interface RedfishHost {
  readonly name: string;
  readonly bmc: RedfishBoard;
}

const SYSTEMS = '/redfish/v1/Systems';
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const SYSTEM_PATH = /^\/redfish\/v1\/Systems\/[a-zA-Z0-9\-._~%]+\/?$/;
const SESSION_PATH = /^\/redfish\/v1\/SessionService\/Sessions\/[a-zA-Z0-9\-._~%]+\/?$/;

/** Source: DSP2046, ComputerSystem, PowerState. */
const POWER_STATES: Readonly<Record<string, 'on' | 'off' | 'changing'>> = {
  On: 'on',
  Off: 'off',
  PoweringOn: 'changing',
  PoweringOff: 'changing',
  Paused: 'on',
};

const collection = v.object({ Members: v.pipe(v.array(v.object({ '@odata.id': v.string() })), v.maxLength(256)) });
const system = v.object({ PowerState: v.string() });

export async function createRedfishSource(options: EngineOptions, node: string): Promise<Source> {
  const { inventory, boardsParallel, redfishTimeoutMs } = options.hostSources;
  const hosts = requireInventory(inventory, 'redfish').filter(hasRedfish);
  if (hosts.length === 0) throw new Error(`${inventory} has no host with a bmc of type redfish`);
  const others = hosts.filter(({ name }) => name !== node);
  return {
    name: 'redfish',
    look: (signal) =>
      powerOfAll('redfish', others, boardsParallel, ({ bmc }) => ask(bmc, redfishTimeoutMs, signal), signal),
  };
}

function hasRedfish(host: InventoryHost): host is InventoryHost & RedfishHost {
  return host.bmc?.type === 'redfish';
}

async function ask(board: RedfishBoard, timeoutMs: number, signal: AbortSignal): Promise<'on' | 'off' | 'changing'> {
  const { address, port = 443, ca_file, server_name, user, auth = 'basic' } = board;
  const password = passwordOf(board);
  await using client = new HttpClient({
    origin: `https://${isIPv6(address) ? `[${address}]` : address}:${port}`,
    timeoutMs,
    signal,
    tls: {
      ...(ca_file === undefined ? {} : { ca: readAuthorities(ca_file) }),
      ...(server_name === undefined ? {} : { servername: server_name }),
    },
  });
  if (auth === 'basic') {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    // Awaited here: the client ends with this function.
    return await powerOf(client, { authorization }, board);
  }
  // A board has few sessions (often 8 or 16) and keeps a forgotten one for half an hour: it is always given back.
  const { headers } = await client.request('POST', SESSIONS, {}, { UserName: user, Password: password });
  const token = headers['x-auth-token'];
  if (typeof token !== 'string' || token === '') throw new Error('the board gave no session');
  const login = { 'x-auth-token': token };
  try {
    return await powerOf(client, login, board);
  } finally {
    const session = sessionPath(headers.location);
    if (session !== undefined) await client.request('DELETE', session, login).catch(() => undefined);
  }
}

/** `Location` may be a path or a URL; only its path is used, and only one that is a session. */
function sessionPath(location: unknown): string | undefined {
  if (typeof location !== 'string') return undefined;
  const path = URL.parse(location, 'https://board')?.pathname;
  return path !== undefined && SESSION_PATH.test(path) ? path : undefined;
}

async function powerOf(
  client: HttpClient,
  login: Readonly<Record<string, string>>,
  board: RedfishBoard,
): Promise<'on' | 'off' | 'changing'> {
  const path = board.system === undefined ? await onlySystem(client, login) : `${SYSTEMS}/${board.system}`;
  const answer = v.safeParse(system, (await client.request('GET', path, login)).body);
  const power = answer.success ? answer.output.PowerState : undefined;
  const state = power !== undefined && Object.hasOwn(POWER_STATES, power) ? POWER_STATES[power] : undefined;
  if (state === undefined) throw new Error(`the board does not say whether ${path} has power`);
  return state;
}

/** A board of a chassis with several systems must be told which: the power of another one proves nothing. */
async function onlySystem(client: HttpClient, login: Readonly<Record<string, string>>): Promise<string> {
  const answer = v.safeParse(collection, (await client.request('GET', SYSTEMS, login)).body);
  if (!answer.success) throw new Error(`the board does not list its systems in ${SYSTEMS}`);
  const members = answer.output.Members;
  const path = members[0]?.['@odata.id'];
  if (path === undefined || members.length > 1) {
    throw new Error(`the board has ${members.length} systems: name the one of this host as "system" in the inventory`);
  }
  if (!SYSTEM_PATH.test(path)) throw new Error('the path of the system is none of Redfish');
  return path;
}

function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`the ca_file ${file} cannot be read`, { cause });
  }
}
