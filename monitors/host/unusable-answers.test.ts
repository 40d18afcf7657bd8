/**
 * Every source × every kind of unusable response: none is a death and none is "no failure". Real sockets and real programs respond;
 * Pacemaker's own tools, ping and ipmitool: test/labs.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { collectionOf, type FakeResponse, fakeBmc, readOnce, systemOf } from '#test/world/bmc-fake.ts';
import { KeyFiles } from '#test/world/key-files.ts';
import { sourcePlace } from '#test/world/source-place.ts';
import { readSource } from './read-source.ts';
import { createConsulSource } from './sources/consul/source.ts';
import { HeartbeatKeys } from './sources/heartbeat/keys.ts';
import { formatPacket } from './sources/heartbeat/packet.ts';
import { createHeartbeatSource } from './sources/heartbeat/source.ts';
import { createIpmiSource } from './sources/ipmi/source.ts';
import { createPingSource } from './sources/ping/source.ts';
import type { Source } from './sources/source.ts';

/** `blind: REASON`, or the state of each host. */
async function answerOf(source: Source): Promise<string> {
  try {
    const facts = await readSource(source, AbortSignal.timeout(25_000));
    return facts.map(({ host, state, proof, detail }) => `${host} ${state}${proof ?? ''}: ${detail}`).join(' | ');
  } catch (error) {
    return `blind: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const HTML = '<html><body>Sign in to the proxy</body></html>';

describe('Consul', () => {
  const listed = (...hosts: readonly (readonly [string, number])[]) =>
    JSON.stringify(hosts.map(([Name, Status]) => ({ Name, Status })));
  const FILTERED = { 'x-consul-results-filtered-by-acls': 'true' };
  const RIGHTS = 'its token ([consul] token_file) needs node:read for every node';

  async function answer({ status = 200, headers = {}, body = '' }: FakeResponse, inventory = 'hosts: {}') {
    const server = createServer((_, response) => response.writeHead(status, headers).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const agent = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { options } = sourcePlace(inventory);
    const consul = { ...options.consul, timeoutMs: 20_000, agentManage: agent };
    const text = await answerOf(await createConsulSource({ ...options, consul }, 'controller-1'));
    return text.replaceAll(agent, 'AGENT');
  }

  test.each<[string, FakeResponse, string]>([
    ['an empty list', { body: '[]' }, `the agent lists no host but this one; ${RIGHTS}`],
    ['itself alone', { body: listed(['controller-1', 1]) }, `the agent lists no host but this one; ${RIGHTS}`],
    [
      'a filtered list without an inventory',
      { body: listed(['a', 1]), headers: FILTERED },
      `the agent lists a part of the members and there is no inventory with the missing hosts; ${RIGHTS}`,
    ],
    [
      'a refusal',
      { status: 403, body: 'Permission denied' },
      `http://AGENT refuses the token (403): it is unknown, or ${RIGHTS}`,
    ],
    ['HTML of a proxy', { body: HTML }, 'the response is not JSON'],
    ['an empty body', {}, 'http://AGENT has an empty response'],
    ['another document', { body: '{"errors":[]}' }, 'http://AGENT does not list members like Consul'],
    ['a redirect', { status: 301, headers: { location: 'https://elsewhere/' } }, 'returned HTTP 301'],
    [
      'a stale response',
      { body: listed(['a', 4]), headers: { 'x-consul-knownleader': 'false' } },
      'http://AGENT has a stale response: no leader is known',
    ],
    ['a server without leader', { status: 500, body: 'No cluster leader' }, 'returned HTTP 500'],
    ['half a document', { body: listed(['a', 4]).slice(0, -2) }, 'the response is not JSON'],
  ])('%s is blindness', async (_, response, reason) => {
    const text = await answer(response);
    expect(text).toMatch(/^blind: no Consul agent returned a usable response: /);
    expect(text).toContain(reason);
  });

  test('a filtered list has no state of the hosts of the inventory that it lacks', async () => {
    const response = { body: listed(['a', 1], ['c', 4]), headers: FILTERED };
    expect(await answer(response, 'hosts: { a: {}, b: {}, c: {} }')).toBe(
      `a up: alive in Consul | c down: failed in Consul | b unknown: not among the members that the agent lists, which are a part; ${RIGHTS}`,
    );
  });
});

describe('Redfish', () => {
  const SYSTEM = '/redfish/v1/Systems/1';
  const system =
    (body: FakeResponse) =>
    (path: string): FakeResponse =>
      path === SYSTEM ? body : { body: collectionOf('1') };

  test.each<[string, (path: string) => FakeResponse, string]>([
    ['a wrong password', () => ({ status: 401 }), 'returned HTTP 401'],
    ['a missing right', () => ({ status: 403 }), 'returned HTTP 403'],
    ['HTML', () => ({ body: HTML }), 'the response is not JSON'],
    ['an empty body', () => ({}), 'does not list its systems'],
    ['an empty collection', () => ({ body: collectionOf() }), 'the BMC lists no system'],
    ['PowerState null', system({ body: systemOf('1', null) }), 'PowerState is null'],
    ['no PowerState', system({ body: systemOf('1', undefined) }), 'PowerState is missing'],
    ['an unknown PowerState', system({ body: systemOf('1', 'off') }), 'PowerState is "off"'],
    ['HTML for the system', system({ body: HTML }), 'the response is not JSON'],
    ['a system that is gone', system({ status: 404 }), 'returned HTTP 404'],
  ])('%s is blindness', async (_, respond, reason) => {
    const { port } = await fakeBmc(({ path }) => respond(path));
    const text = await readOnce(port);
    expect(text).toMatch(/^blind: none of 1 BMCs responds over redfish; h: /);
    expect(text).toContain(reason);
  });
});

describe('IPMI', () => {
  const ipmi = async (script: string) => {
    const place = sourcePlace('hosts: { h: { bmc: { type: ipmi, address: 192.0.2.1, user: u, password: p } } }', {
      ipmiRetryMax: 0,
      ipmiTimeoutMs: 20_000,
    });
    const ipmitool = place.write('ipmitool', `#!/bin/sh\n${script}\n`, 0o755);
    const hostSources = { ...place.options.hostSources, ipmitool };
    const text = await answerOf(await createIpmiSource({ ...place.options, hostSources }, 'controller-1'));
    return text.replaceAll(ipmitool, 'ipmitool');
  };

  test.each([
    ['an empty output', 'exit 0', 'ipmitool does not report whether the power is on or off: no output'],
    ['an unknown power', 'echo Chassis Power is unknown', 'whether the power is on or off: Chassis Power is unknown'],
    ['a failure', 'echo Chassis Power is off; exit 1', 'ipmitool failed (exit code 1): Chassis Power is off'],
    ['a crash', 'kill -SEGV $$', 'ipmitool failed (signal SIGSEGV)'],
  ])('%s is blindness', async (_, script, reason) => {
    const text = await ipmi(script);
    expect(text).toMatch(/^blind: none of 1 BMCs responds over ipmi; h: /);
    expect(text).toContain(reason);
  });
});

describe('heartbeat', () => {
  const place = async (inventory = 'hosts: { a: {}, b: {} }') => {
    const made = sourcePlace(inventory);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    const keyFile = new KeyFiles(made.folder).issue('w', true);
    const heartbeat = { ...made.options.heartbeat, listen: '127.0.0.1', port, keyFile, timeoutMs: 500 };
    return { options: { ...made.options, heartbeat }, socket, folder: made.folder };
  };
  const close = async (socket: ReturnType<typeof createSocket>) => {
    socket.close();
    await once(socket, 'close');
  };

  test.each(['hosts: { a: {}, b: {} }', 'hosts: { a: {} }', 'hosts: {}'])(
    'without any heartbeat the source is blind (%s)',
    async (inventory) => {
      const { options, socket } = await place(inventory);
      await close(socket);
      expect(await answerOf(await createHeartbeatSource(options, 'w'))).toBe(
        'blind: no heartbeat was received so far (no datagram arrived)',
      );
    },
  );

  test('a port that another program holds is blindness', async () => {
    const { options, socket } = await place();
    onTestFinished(() => close(socket));
    expect(await answerOf(await createHeartbeatSource(options, 'w'))).toMatch(
      /^blind: no heartbeat can be received: UDP 127\.0\.0\.1 port \d+: bind EADDRINUSE/,
    );
  });

  test('another key on all hosts is blindness, with the key as its reason', async () => {
    const { options, socket, folder } = await place();
    await close(socket);
    const keyFile = new KeyFiles(mkdtempSync(join(folder, 'other-'))).issue('a');
    const keys = new HeartbeatKeys({ ...options, heartbeat: { ...options.heartbeat, keyFile } });
    const source = await createHeartbeatSource(options, 'w');
    const end = new AbortController();
    const done = source.follow?.(
      () => undefined,
      () => undefined,
      end.signal,
    );
    onTestFinished(async () => {
      end.abort();
      await done;
    });
    await answerOf(source);
    const sender = createSocket('udp4');
    onTestFinished(() => close(sender));
    const packet = { kind: 'beat', time: Date.now(), bootId: 'ab'.repeat(16), sequence: 1n, host: 'a' } as const;
    await vi.waitFor(
      async () => {
        sender.send(formatPacket(packet, keys.signing('a')), options.heartbeat.port, '127.0.0.1');
        expect(await answerOf(source)).toMatch(
          /^blind: no heartbeat was received so far \(\d+ refused, wrong key, the last from 127\.0\.0\.1: its key file differs/,
        );
      },
      { timeout: 20_000, interval: 20 },
    );
  });
});

describe('ping', () => {
  test('a name instead of an address is refused before any ping', async () => {
    const { options } = sourcePlace('hosts: { a: { addresses: { management: compute-1 } } }');
    await expect(createPingSource(options, 'w')).rejects.toThrow('must be an IPv4 or IPv6 address');
  });

  test('a program that is missing is blindness', async () => {
    const { options, folder } = sourcePlace('hosts: { a: { addresses: { management: 192.0.2.1 } } }');
    vi.stubEnv('PATH', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await answerOf(await createPingSource(options, 'w'))).toBe(
      'blind: no host can be pinged; a: the program ping cannot be run; install iputils-ping',
    );
  });
});
