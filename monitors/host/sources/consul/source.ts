/**
 * What the Consul agents of the management, tenant and storage network say of their members.
 *
 * Invariant: it proves nothing; a host that left Consul in order is leaving, one that failed is down on that network. An agent to
 * which most members failed together may itself be cut off: then nobody there is taken for down.
 */

import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import type { EngineOptions } from '#config/options.ts';
import { readSecret } from '#config/secret-file.ts';
import { isHostName } from '#protocol/host-name.ts';
import { type Address, parseAddress } from './address.ts';
import type { Fact, Network, Source } from './fact.ts';
import { HttpClient } from './http-client.ts';
import { MAX_HOSTS, readInventory } from './inventory.ts';
import { massSilence } from './silence.ts';

const DEFAULT_PORT = 8500;
const MASS_PERCENT = 50;
/** The look of one that was never alive: it did not fail together with those who were in the first. */
const NEVER = -10;
/** A member is about 600 bytes. */
const MAX_BYTES = 16 * 1_048_576;

/** Source: hashicorp/serf, serf/serf.go, MemberStatus: none 0, alive 1, leaving 2, left 3, failed 4. */
const STATES: Readonly<Record<number, readonly [says: Fact['says'], detail: string]>> = {
  1: ['up', 'alive in Consul'],
  2: ['leaving', 'leaving Consul'],
  3: ['leaving', 'left Consul'],
  4: ['down', 'failed in Consul'],
};

const members = v.pipe(v.array(v.object({ Name: v.string(), Status: v.number() })), v.maxLength(2 * MAX_HOSTS));

interface Agent {
  readonly network: Network;
  readonly address: Address;
  /** By host: the number of the look in which it was last alive. */
  readonly alive: Map<string, number>;
}

export async function createConsulSource(options: EngineOptions, node: string): Promise<Source> {
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
  const names = new Map(hosts.flatMap(({ name, consul }) => (consul === undefined ? [] : [[consul, name]])));
  let looks = 0;
  return {
    name: 'consul',
    async look(signal) {
      looks += 1;
      const look = looks;
      const asked = await Promise.allSettled(
        agents.map(async (agent) => {
          const listed = await ask(agent, { tokenFile, timeoutMs, signal });
          return judge(agent, listed, { node, names, look, at: Date.now() });
        }),
      );
      signal.throwIfAborted();
      const faults = asked.flatMap((one) => (one.status === 'rejected' ? [String(one.reason?.message)] : []));
      if (faults.length === agents.length) throw new Error(`no Consul agent answers: ${faults.join('; ')}`);
      return asked.flatMap((one, index) => {
        if (one.status === 'fulfilled') return one.value;
        const { network, alive } = agents[index] ?? { network: 'management', alive: new Map<string, number>() };
        const why = `its Consul agent does not answer: ${String(one.reason?.message)}`;
        return Array.from(alive.keys(), (host) => fact(network, host, 'unknown', why, Date.now()));
      });
    },
  };
}

interface Question {
  readonly tokenFile: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function ask(agent: Agent, { tokenFile, timeoutMs, signal }: Question): Promise<v.InferOutput<typeof members>> {
  const { host, port } = agent.address;
  const origin = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  await using client = new HttpClient({ origin, timeoutMs, signal, maxBytes: MAX_BYTES });
  const headers = tokenFile === '' ? {} : { 'x-consul-token': readSecret(tokenFile, 'the token for Consul') };
  const answer = v.safeParse(members, (await client.request('GET', '/v1/agent/members', headers)).body);
  if (!answer.success) throw new Error(`${origin} does not list members as Consul does`);
  return answer.output;
}

interface Moment {
  readonly node: string;
  /** From the name in Consul to the host. */
  readonly names: ReadonlyMap<string, string>;
  readonly look: number;
  readonly at: number;
}

function judge(agent: Agent, listed: v.InferOutput<typeof members>, { node, names, look, at }: Moment): Fact[] {
  const known = new Map<string, number>();
  for (const { Name, Status } of listed) {
    const host = names.get(Name) ?? Name;
    if (host !== node && isHostName(host)) known.set(host, Status);
  }
  for (const host of agent.alive.keys()) if (!known.has(host)) agent.alive.delete(host);
  const failed: string[] = [];
  for (const [host, status] of known) {
    if (status === 1) agent.alive.set(host, look);
    else if (status !== 4) agent.alive.delete(host);
    else {
      failed.push(host);
      if (!agent.alive.has(host)) agent.alive.set(host, NEVER);
    }
  }
  // Counted in looks: an agent that is cut off does not lose all members in the same moment.
  const together = massSilence(agent.alive, failed, { window: 1, sharePercent: MASS_PERCENT });
  return Array.from(known, ([host, status]) => {
    if (together.has(host)) return fact(agent.network, host, 'unknown', 'mass silence: most members failed', at);
    const [says, detail] = STATES[status] ?? ['unknown', `has status ${status} in Consul`];
    return fact(agent.network, host, says, detail, at);
  });
}

function fact(network: Network, host: string, says: Fact['says'], detail: string, at: number): Fact {
  return { source: 'consul', network, host, says, detail, at };
}
