import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sourcePlace } from '#test/world/source-place.ts';
import { createRedfishSource } from './source.ts';

const tlsFile = (name: string) => fileURLToPath(new URL(`../../../../test/fixtures/tls/${name}`, import.meta.url));
const BASIC = `Basic ${Buffer.from('recovery:geheim').toString('base64')}`;

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A BMC: `GET /path` → its response; it requires the password or the session. */
async function bmc(answers: Readonly<Record<string, Answer>>, certificate = 'good') {
  const seen: string[] = [];
  const tls = { key: readFileSync(tlsFile(`${certificate}.key`)), cert: readFileSync(tlsFile(`${certificate}.pem`)) };
  const server = createServer(tls, (request: IncomingMessage, response) => {
    const call = `${request.method} ${request.url}`;
    seen.push(call);
    const { authorization, 'x-auth-token': token } = request.headers;
    const isIn =
      call === 'GET /redfish/v1/' || authorization === BASIC || token === 'session-1' || request.method === 'POST';
    const { status = 200, headers = {}, body } = isIn ? (answers[call] ?? { status: 404 }) : { status: 401 };
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

async function poll(port: number, more = '', change = {}) {
  const bmc = `type: redfish, address: 127.0.0.1, port: ${port}, user: recovery, password: geheim${more}`;
  const { options } = sourcePlace(`hosts: { h: { bmc: { ${bmc} } } }`, { redfishTimeoutMs: 20_000, ...change });
  const source = await createRedfishSource(options, 'controller-1');
  const [fact] = await source.poll(AbortSignal.timeout(25_000));
  return [fact?.state, fact?.proof, fact?.detail];
}

const CA = `, ca_file: ${tlsFile('good.pem')}`;
const one = (PowerState: unknown): Record<string, Answer> => ({
  'GET /redfish/v1/Systems': { body: { Members: [{ '@odata.id': '/redfish/v1/Systems/1' }] } },
  'GET /redfish/v1/Systems/1': { body: { PowerState } },
});

describe('Redfish', () => {
  test.each([
    ['Off', ['down', 'power off', 'powered off']],
    ['On', ['unknown', undefined, 'powered on']],
    ['PoweringOff', ['unknown', undefined, 'power is changing']],
    ['PoweringOn', ['unknown', undefined, 'power is changing']],
    ['Paused', ['unknown', undefined, 'powered on']],
  ])('PowerState %s', async (state, expected) => {
    expect(await poll((await bmc(one(state))).port, CA)).toEqual(expected);
  });

  test.each([['off'], [null], [undefined], ['constructor'], [false]])('%s is no power state', async (state) => {
    await expect(poll((await bmc(one(state))).port, CA)).rejects.toThrow('does not report whether');
  });

  test('a BMC with several systems needs the system of the host in the inventory', async () => {
    const many = {
      'GET /redfish/v1/Systems': {
        body: { Members: [{ '@odata.id': '/redfish/v1/Systems/1' }, { '@odata.id': '/redfish/v1/Systems/2' }] },
      },
      'GET /redfish/v1/Systems/1': { body: { PowerState: 'On' } },
      'GET /redfish/v1/Systems/2': { body: { PowerState: 'Off' } },
    };
    const { port } = await bmc(many);
    await expect(poll(port, CA)).rejects.toThrow('the BMC has 2 systems ("1", "2"): name the one of this host');
    expect(await poll(port, `${CA}, system: "2"`)).toEqual(['down', 'power off', 'powered off']);
  });

  test('a session is deleted', async () => {
    const sessions = '/redfish/v1/SessionService/Sessions';
    const { port, seen } = await bmc({
      ...one('Off'),
      [`POST ${sessions}`]: {
        status: 201,
        headers: { 'x-auth-token': 'session-1', location: `${sessions}/7` },
        body: {},
      },
      [`DELETE ${sessions}/7`]: { status: 204, body: '' },
    });
    expect(await poll(port, `${CA}, auth: session`)).toEqual(['down', 'power off', 'powered off']);
    expect(seen).toEqual([
      'GET /redfish/v1/',
      `POST ${sessions}`,
      'GET /redfish/v1/Systems',
      'GET /redfish/v1/Systems/1',
      `DELETE ${sessions}/7`,
    ]);
  });

  test('a BMC with an untrusted certificate gets no request', async () => {
    const stranger = await bmc(one('Off'));
    await expect(poll(stranger.port)).rejects.toThrow(/none of 1 BMCs.*(certificate|self.signed)/);
    const other = await bmc(one('Off'), 'other');
    const trusted = `, ca_file: ${tlsFile('other.pem')}`;
    await expect(poll(other.port, trusted)).rejects.toThrow(/altnames/);
    expect([...stranger.seen, ...other.seen]).toEqual([]);
  });

  test('a wrong password is reported, and is not in the message', async () => {
    const { port } = await bmc(one('Off'));
    const wrong = poll(port, CA.replace(',', 'heit,'));
    await expect(wrong).rejects.toThrow(/returned HTTP 401; check user and password; no session either: POST/);
    await expect(wrong).rejects.not.toThrow(/geheim/);
  });

  test('garbage and floods are refused', async () => {
    const garbage = await bmc({ 'GET /redfish/v1/Systems': { body: '<html>' } });
    await expect(poll(garbage.port, CA)).rejects.toThrow('the response is not JSON');
    const flood = await bmc({ 'GET /redfish/v1/Systems': { body: 'x'.repeat(2_000_000) } });
    await expect(poll(flood.port, CA)).rejects.toThrow('none of 1 BMCs');
    const elsewhere = await bmc({
      'GET /redfish/v1/Systems': { body: { Members: [{ '@odata.id': '/redfish/v1/Chassis/1' }] } },
    });
    await expect(poll(elsewhere.port, CA)).rejects.toThrow('is not one of Redfish');
  });

  test('a BMC that does not respond in time is unknown', async () => {
    const server = createServer({ key: readFileSync(tlsFile('good.key')), cert: readFileSync(tlsFile('good.pem')) });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    await expect(poll(port, CA, { redfishTimeoutMs: 1_000 })).rejects.toThrow('none of 1 BMCs');
  });
});
