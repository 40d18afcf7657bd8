/**
 * Reads the members of the management, tenant and storage network from their Consul agents.
 *
 * Invariants: it proves nothing. A host that left Consul in order is leaving, one that failed is down on that network. An agent to
 * which most members failed together may itself be cut off: then no host there is taken for down. A list that ACLs filtered
 * proves nothing about a host that it lacks; only the inventory shows which hosts it lacks.
 */

import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import { readSecret } from '#config/document/secret-file.ts';
import type { EngineOptions } from '#config/options/options.ts';
import { isHostName } from '#protocol/host-name.ts';
import { massSilence } from '../../mass-silence-decision.ts';
import { type Address, parseAddress } from '../address.ts';
import { HttpClient, statusOf } from '../http-client.ts';
import { MAX_HOSTS, readInventory } from '../inventory.ts';
import type { Fact, Network, Source, SourceKind } from '../source.ts';

const DEFAULT_PORT = 8500;
const MASS_PERCENT = 50;
/** The poll of a host that was never alive: it did not fail together with hosts that were alive in the first poll. */
const NEVER = -10;
/** A member is about 600 bytes. */
const MAX_BYTES = 16 * 1_048_576;

/** Source: hashicorp/serf, serf/serf.go, MemberStatus: none 0, alive 1, leaving 2, left 3, failed 4. */
const STATES: Readonly<Record<number, readonly [state: Fact['state'], detail: string]>> = {
  1: ['up', 'alive in Consul'],
  2: ['leaving', 'leaving Consul'],
  3: ['leaving', 'left Consul'],
  4: ['down', 'failed in Consul'],
};

/**
 * Consul leaves nodes that a token may not read out of the list, and sets the header only where there is a token. Source: hashicorp/consul,
 * agent/agent_endpoint.go and its documentation of node:read.
 */
const RIGHTS = 'its token ([consul] token_file) needs node:read for every node';

const members = v.pipe(v.array(v.object({ Name: v.string(), Status: v.number() })), v.maxLength(2 * MAX_HOSTS));

interface Agent {
  readonly network: Network;
  readonly address: Address;
  /** By host: the number of the poll in which it was last alive. */
  readonly alive: Map<string, number>;
}

export const consul: SourceKind<'consul' | 'hostSources'> = {
  name: 'consul',
  groups: ['consul', 'hostSources'],
  create: createConsulSource,
};

export async function createConsulSource(
  options: Pick<EngineOptions, 'consul' | 'hostSources'>,
  node: string,
): Promise<Source> {
  const { agentManage, agentTenant, agentStorage, tokenFile, timeoutMs } = options.consul;
  const named: readonly (readonly [Network, string])[] = [
    ['management', agentManage],
    ['tenant', agentTenant],
    ['storage', agentStorage],
  ];
  const agents = named.flatMap(([network, text]): Agent[] =>
    text === '' ? [] : [{ network, address: parseAddress(text, DEFAULT_PORT), alive: new Map() }],
  );
  if (agents.length === 0) {
    throw new Error('[consul] names no agent: set agent_manage, agent_tenant or agent_storage');
  }
  const hosts = readInventory(options.hostSources.inventory) ?? [];
  const expected = hosts.flatMap(({ name }) => (name === node ? [] : [name]));
  const names = new Map(hosts.flatMap(({ name, consul }) => (consul === undefined ? [] : [[consul, name]])));
  let polls = 0;
  return {
    name: 'consul',
    async poll(signal) {
      polls += 1;
      const poll = polls;
      const requested = await Promise.allSettled(
        agents.map(async (agent) => {
          const listed = await query(agent, { tokenFile, timeoutMs, signal });
          return decide(agent, listed, { node, names, expected, poll, at: Date.now() });
        }),
      );
      signal.throwIfAborted();
      const faults = requested.flatMap((one) => (one.status === 'rejected' ? [String(one.reason?.message)] : []));
      if (faults.length === agents.length)
        throw new Error(`no Consul agent returned a usable response: ${faults.join('; ')}`);
      const known = new Set([...expected, ...agents.flatMap(({ alive }) => [...alive.keys()])]);
      return requested.flatMap((one, index) => {
        if (one.status === 'fulfilled') return one.value;
        const network = agents[index]?.network ?? 'management';
        const why = `its Consul agent returned no usable response: ${String(one.reason?.message)}`;
        return Array.from(known, (host) => fact(network, host, 'unknown', why, Date.now()));
      });
    },
  };
}

interface Question {
  readonly tokenFile: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Listed {
  readonly members: v.InferOutput<typeof members>;
  /** Consul omitted members that the token may not read. */
  readonly isFiltered: boolean;
}

async function query(agent: Agent, { tokenFile, timeoutMs, signal }: Question): Promise<Listed> {
  const { host, port } = agent.address;
  const origin = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  await using client = new HttpClient({ origin, timeoutMs, signal, maxBytes: MAX_BYTES });
  const token = tokenFile === '' ? {} : { 'x-consul-token': readSecret(tokenFile, 'the token for Consul') };
  const { body, headers } = await client.request('GET', '/v1/agent/members', token).catch((cause) => {
    if (statusOf(cause) !== 403) throw cause;
    throw new Error(`${origin} refuses the token (403): it is unknown, or ${RIGHTS}`, { cause });
  });
  if (body === undefined) throw new Error(`${origin} has an empty response`);
  const parsed = v.safeParse(members, body);
  if (!parsed.success) throw new Error(`${origin} does not list members like Consul`);
  // Only set by a server or a cache on the way; members come from the agent itself.
  if (headers['x-consul-knownleader'] === 'false')
    throw new Error(`${origin} has a stale response: no leader is known`);
  return { members: parsed.output, isFiltered: headers['x-consul-results-filtered-by-acls'] === 'true' };
}

interface Moment {
  readonly node: string;
  /** From the name in Consul to the host. */
  readonly names: ReadonlyMap<string, string>;
  /** The hosts of the inventory, without this host. */
  readonly expected: readonly string[];
  readonly poll: number;
  readonly at: number;
}

function decide(agent: Agent, { members: listed, isFiltered }: Listed, moment: Moment): Fact[] {
  const { node, names, expected, poll, at } = moment;
  const known = new Map<string, number>();
  for (const { Name, Status } of listed) {
    const host = names.get(Name) ?? Name;
    if (host !== node && isHostName(host)) known.set(host, Status);
  }
  if (known.size === 0) throw new Error(`the agent lists no host but this one; ${RIGHTS}`);
  if (isFiltered && expected.length === 0) {
    throw new Error(
      `the agent lists a part of the members and there is no inventory with the missing hosts; ${RIGHTS}`,
    );
  }
  const missing = isFiltered ? expected.filter((host) => !known.has(host)) : [];
  for (const host of agent.alive.keys()) if (!known.has(host)) agent.alive.delete(host);
  const failed: string[] = [];
  for (const [host, status] of known) {
    if (status === 1) agent.alive.set(host, poll);
    else if (status !== 4) agent.alive.delete(host);
    else {
      failed.push(host);
      if (!agent.alive.has(host)) agent.alive.set(host, NEVER);
    }
  }
  // Counted in polls: an agent that is cut off does not lose all members at the same time.
  const together = massSilence(agent.alive, failed, { window: 1, sharePercent: MASS_PERCENT });
  const hidden = missing.map((host): Fact => {
    const why = `not among the members that the agent lists, which are a part; ${RIGHTS}`;
    return { ...fact(agent.network, host, 'unknown', why, at), isUnreadable: true };
  });
  const seen = Array.from(known, ([host, status]) => {
    if (together.has(host)) return fact(agent.network, host, 'unknown', 'mass silence: most members failed', at);
    const [state, detail] = STATES[status] ?? ['unknown', `has status ${status} in Consul`];
    return fact(agent.network, host, state, detail, at);
  });
  return [...seen, ...hidden];
}

function fact(network: Network, host: string, state: Fact['state'], detail: string, at: number): Fact {
  return { source: 'consul', network, host, state, detail, at };
}
