/** For tests: an HTTPS server that responds as a BMC does, and a poll of it by the Redfish source. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { createRedfishSource } from '#monitors/host/sources/redfish/source.ts';
import { sourcePlace } from './source-place.ts';

export const USER = 'recovery';
export const PASSWORD = 'geheim';
export const BASIC = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | object;
}

export type Respond = (request: FakeRequest) => FakeResponse;

export const tlsFile = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

export interface FakeBmc {
  readonly port: number;
  readonly origin: string;
  /** `METHOD path` of every request. */
  readonly seen: string[];
}

export async function fakeBmc(respond: Respond, tls: ServerOptions = {}, host = '127.0.0.1'): Promise<FakeBmc> {
  const seen: string[] = [];
  const identity = { key: readFileSync(tlsFile('good.key')), cert: readFileSync(tlsFile('good.pem')) };
  const server = createServer({ ...identity, ...tls }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (chunk: Buffer) => parts.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      seen.push(`${method} ${path}`);
      const answer = respond({ method, path, headers, body: Buffer.concat(parts).toString() });
      const { status = 200, headers: own = {}, body = '' } = answer;
      response
        .writeHead(status, own)
        .end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, origin: `https://${host}:${port}`, seen };
}

export interface Looker {
  /** `down power off`, `unknown powered on`, or `blind: REASON`. */
  read(): Promise<string>;
}

/** One source that can poll more than once. @param more keys of the bmc, each with a comma before it */
export async function looker(port: number, more = '', address = '127.0.0.1'): Promise<Looker> {
  const bmc = `type: redfish, address: "${address}", port: ${port}, user: ${USER}, password: ${PASSWORD}`;
  const place = `hosts: { h: { bmc: { ${bmc}, ca_file: ${tlsFile('good.pem')}${more} } } }`;
  const { options } = sourcePlace(place, { redfishTimeoutMs: 20_000 });
  const source = await createRedfishSource(options, 'controller-1');
  return {
    read: async () => {
      try {
        const [fact] = await source.poll(AbortSignal.timeout(25_000));
        return fact?.proof === undefined ? `${fact?.state} ${fact?.detail}` : `${fact.state} ${fact.proof}`;
      } catch (error) {
        return `blind: ${error instanceof Error ? error.message : String(error)}`;
      }
    },
  };
}

export async function readOnce(port: number, more = ''): Promise<string> {
  return await (await looker(port, more)).read();
}

const SYSTEMS = '/redfish/v1/Systems';

export function collectionOf(...ids: readonly string[]): object {
  const members = ids.map((id) => ({ '@odata.id': `${SYSTEMS}/${id}` }));
  return { '@odata.id': SYSTEMS, Members: members, 'Members@odata.count': members.length };
}

export function systemOf(id: string, PowerState: unknown, more: object = {}): object {
  return { '@odata.id': `${SYSTEMS}/${id}`, Id: id, PowerState, ...more };
}

/** The two resources that are read of a BMC with one system. */
export function oneSystem(id: string, PowerState: unknown): (path: string) => object | undefined {
  return (path) => {
    if (path === SYSTEMS) return collectionOf(id);
    return path === `${SYSTEMS}/${id}` ? systemOf(id, PowerState) : undefined;
  };
}
