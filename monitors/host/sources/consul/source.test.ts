import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EngineOptions } from '#config/options/options.ts';
import { sourcePlace } from '#test/world/source-place.ts';
import type { Source } from '../source.ts';
import { createConsulSource } from './source.ts';

/** A member as GET /v1/agent/members gives it (Consul 1.x, "List Members"). */
const member = (Name: string, Status: number) => ({
  Name,
  Addr: '10.0.0.11',
  Port: 8301,
  Tags: { dc: 'dc1', role: 'node', build: '1.15.2:' },
  Status,
  ProtocolMin: 1,
  ProtocolMax: 5,
  ProtocolCur: 2,
  DelegateMin: 2,
  DelegateMax: 5,
  DelegateCur: 4,
});

class FakeAgent {
  answer: unknown = [];
  status = 200;
  readonly tokens: unknown[] = [];
  address = '';

  static async start(): Promise<FakeAgent> {
    const agent = new FakeAgent();
    const server = createServer((request, response) => {
      agent.tokens.push(request.headers['x-consul-token']);
      const status = request.url === '/v1/agent/members' ? agent.status : 404;
      response.writeHead(status).end(typeof agent.answer === 'string' ? agent.answer : JSON.stringify(agent.answer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    agent.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return agent;
  }

  has(received: string): void {
    this.answer = received.split(' ').map((one) => member(one.split('=')[0] ?? '', Number(one.split('=')[1])));
  }
}

async function source(consul: Partial<EngineOptions['consul']>, inventory = 'hosts: {}'): Promise<Source> {
  const { options } = sourcePlace(inventory);
  const all = { ...options.consul, timeoutMs: 20_000, ...consul };
  return createConsulSource({ ...options, consul: all }, 'controller-1');
}

async function state(from: Source): Promise<Record<string, string>> {
  const facts = await from.poll(AbortSignal.timeout(25_000));
  expect(facts.every((fact) => fact.proof === undefined)).toBe(true);
  return Object.fromEntries(facts.map(({ host, network, state }) => [`${host} ${network}`, state]));
}

describe('Consul', () => {
  test('returns for each network which hosts are alive, leaving, or failed', async () => {
    const [manage, storage] = [await FakeAgent.start(), await FakeAgent.start()];
    manage.has('controller-1=1 a=1 b=2 c=3 d=4 e=0 f=1 g=1');
    storage.has('a=1 d=1');
    expect(await state(await source({ agentManage: manage.address, agentStorage: storage.address }))).toEqual({
      'a management': 'up',
      'b management': 'leaving',
      'c management': 'leaving',
      'd management': 'down',
      'e management': 'unknown',
      'f management': 'up',
      'g management': 'up',
      'a storage': 'up',
      'd storage': 'up',
    });
  });

  test('the inventory maps names of Consul to those of Nova', async () => {
    const agent = await FakeAgent.start();
    agent.has('node-a.dc1=1 b=1');
    const from = await source({ agentManage: agent.address }, 'hosts: { a: { consul: node-a.dc1 }, b: {} }');
    expect(await state(from)).toEqual({ 'a management': 'up', 'b management': 'up' });
  });

  test('an agent that loses most members at once may be cut off itself', async () => {
    const agent = await FakeAgent.start();
    const from = await source({ agentManage: agent.address });
    agent.has('a=1 b=1 c=1 d=1 old=4');
    expect(await state(from)).toMatchObject({ 'a management': 'up', 'old management': 'down' });
    agent.has('a=4 b=4 c=1 d=1 old=4');
    expect(await state(from)).toMatchObject({ 'a management': 'down', 'b management': 'down', 'd management': 'up' });
    agent.has('a=4 b=4 c=4 d=4 old=4');
    expect(await state(from)).toMatchObject({ 'a management': 'unknown', 'd management': 'unknown' });
    agent.has('a=4 b=1 c=1 d=1 old=4');
    expect(await state(from)).toMatchObject({ 'a management': 'down', 'b management': 'up', 'old management': 'down' });
  });

  test('while one agent does not respond, its network is unknown; if none does, the source is blind', async () => {
    const [manage, tenant] = [await FakeAgent.start(), await FakeAgent.start()];
    manage.has('a=1');
    tenant.has('a=1');
    const from = await source({ agentManage: manage.address, agentTenant: tenant.address });
    await state(from);
    tenant.status = 500;
    expect(await state(from)).toEqual({ 'a management': 'up', 'a tenant': 'unknown' });
    manage.answer = '<html>';
    await expect(state(from)).rejects.toThrow(
      /no Consul agent returned a usable response:.*the response is not JSON.*returned HTTP 500/,
    );
  });

  test.each([[{}], [[{ Name: 'a' }]], [[{ Name: 1, Status: 1 }]]])('%j is no list of members', async (answer) => {
    const agent = await FakeAgent.start();
    agent.answer = answer;
    const from = await source({ agentManage: agent.address });
    await expect(state(from)).rejects.toThrow('does not list members like Consul');
  });

  test('invalid host names are skipped', async () => {
    const agent = await FakeAgent.start();
    agent.answer = [member('-x', 4), member('a b', 4), member('', 4), member('a', 1)];
    expect(await state(await source({ agentManage: agent.address }))).toEqual({ 'a management': 'up' });
  });

  test('the token comes from a file that is not readable by every user', async () => {
    const agent = await FakeAgent.start();
    agent.has('a=1');
    const place = sourcePlace('hosts: {}');
    await state(await source({ agentManage: agent.address, tokenFile: place.write('token', 'geheim\n') }));
    expect(agent.tokens).toEqual(['geheim']);
    const open = await source({ agentManage: agent.address, tokenFile: place.write('open', 'geheim\n', 0o644) });
    await expect(state(open)).rejects.toThrow('chmod 640');
    await expect(state(open)).rejects.not.toThrow('geheim');
    expect(agent.tokens).toHaveLength(1);
  });

  test('needs an agent', async () => {
    await expect(source({})).rejects.toThrow('set agent_manage, agent_tenant or agent_storage');
  });
});
