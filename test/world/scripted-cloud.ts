/**
 * For tests: a small Keystone and Nova on free ports of the loopback. A test writes their responses and reads their requests. The sockets
 * are real.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TlsOptions } from 'node:tls';
import { type Credentials, Secret } from '#config/clouds/clouds.ts';
import type { Cloud } from '#engine/cloud/cloud.ts';
import { type OpenStackSettings, openStackCloud } from '#engine/cloud/openstack-cloud.ts';
import type { ActGuard } from '#openstack/act-guard.ts';

export interface Seen {
  readonly service: 'keystone' | 'nova';
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  /** Instead of a response: close the connection, never respond, stop halfway, write this to the socket. */
  readonly instead?: 'reset' | 'hang' | 'truncate' | { readonly raw: string };
}

export type Script = Reply | ((seen: Seen) => Reply | Promise<Reply>);

export const ALWAYS: ActGuard = { confirm: async () => {}, isFresh: () => true };
export const PASSWORD = 'pässword "/?& of-the-agent';

export interface ScriptedCloudSettings {
  readonly tls?: Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;
  /** Nova's highest microversion. */
  readonly version?: string;
  readonly tokenSeconds?: number;
  /** Of the token; default `admin`. */
  readonly roles?: readonly string[];
  /** The end of Nova's URL in the catalogue. */
  readonly endpointPath?: string;
}

export class ScriptedCloud implements AsyncDisposable {
  readonly seen: Seen[] = [];
  /** Tokens that Nova accepts; a test may empty it. */
  readonly tokens = new Set<string>();
  readonly #settings: ScriptedCloudSettings;
  readonly #scripts = new Map<string, Script[]>();
  readonly #servers: { keystone: Server; nova: Server };
  readonly #sockets = new Set<Socket>();
  readonly #clouds: Cloud[] = [];
  #issued = 0;

  static async start(settings: ScriptedCloudSettings = {}): Promise<ScriptedCloud> {
    const cloud = new ScriptedCloud(settings);
    await Promise.all(
      Object.values(cloud.#servers).map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
    );
    return cloud;
  }

  private constructor(settings: ScriptedCloudSettings) {
    this.#settings = settings;
    this.#servers = { keystone: this.#server('keystone'), nova: this.#server('nova') };
  }

  /** The scripts respond in their order, and the last one to all further requests. */
  on(methodAndPath: string, ...scripts: Script[]): void {
    this.#scripts.set(methodAndPath, scripts);
  }

  requests(methodAndPath: string): Seen[] {
    return this.seen.filter((seen) => `${seen.method} ${seen.path}` === methodAndPath);
  }

  url(service: 'keystone' | 'nova'): string {
    const { port } = this.#servers[service].address() as AddressInfo;
    return `${this.#settings.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  }

  credentials(change: Partial<Credentials> = {}): Credentials {
    const scope = { project: { name: 'service', domain: { name: 'Default' } } };
    const whole = {
      source: 'the test',
      authUrl: `${this.url('keystone')}/v3`,
      region: undefined,
      interface: 'public',
      caFile: undefined,
      verify: 'certificates',
      method: 'password',
      user: { name: 'agent', domain: { id: 'default' } },
      password: new Secret(PASSWORD),
      ...(change.method === undefined || change.method === 'password' ? { scope } : {}),
      ...change,
    };
    return whole as Credentials;
  }

  /** A client of it that retries without waiting, closed together with it. */
  client(change: Partial<OpenStackSettings> = {}): Cloud {
    const cloud = openStackCloud({
      credentials: this.credentials(),
      guard: ALWAYS,
      userAgent: 'recovery-agent/test',
      ...change,
      options: { backoffMs: 1, backoffMaxMs: 1, requestTimeoutMs: 10_000, callTimeoutMs: 20_000, ...change.options },
    });
    this.#clouds.push(cloud);
    return cloud;
  }

  /** Nothing listens any more; connections of requests are refused. */
  async stop(service: 'keystone' | 'nova'): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => this.#servers[service].close(() => done()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#clouds.map((cloud) => cloud.close()));
    await Promise.all([this.stop('keystone'), this.stop('nova')]);
  }

  #server(service: Seen['service']): Server {
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#answer(service, request, response);
    const { tls } = this.#settings;
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    return server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async #answer(service: Seen['service'], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://any');
    const { method = '', headers } = request;
    const body = await text(request).catch(() => '');
    const seen: Seen = { service, method, path: url.pathname, query: url.searchParams, headers, body };
    this.seen.push(seen);
    const scripts = this.#scripts.get(`${method} ${url.pathname}`);
    const script = scripts === undefined ? undefined : scripts.length > 1 ? scripts.shift() : scripts[0];
    const reply =
      script === undefined ? this.#standard(seen) : await (typeof script === 'function' ? script(seen) : script);
    this.#write(reply, request, response);
  }

  #write(
    { status = 200, headers, json, text: plain, instead }: Reply,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    if (instead === 'hang') return;
    if (instead === 'reset') return void request.socket.destroy();
    if (typeof instead === 'object') return void request.socket.end(instead.raw);
    const body = plain ?? (json === undefined ? '' : JSON.stringify(json));
    const type = plain === undefined ? { 'content-type': 'application/json' } : {};
    if (instead === 'truncate') {
      response.writeHead(status, { ...type, ...headers, 'content-length': String(body.length + 10) });
      response.write(body, () => request.socket.destroy());
      return;
    }
    response.writeHead(status, { ...type, ...headers }).end(body);
  }

  #standard(seen: Seen): Reply {
    if (seen.service === 'keystone') return this.tokenReply(seen);
    const { version = '2.93' } = this.#settings;
    if (seen.path === '/v2.1/') return { json: { version: { id: 'v2.1', version, min_version: '2.1' } } };
    if (!this.tokens.has(String(seen.headers['x-auth-token']))) {
      return {
        status: 401,
        json: { error: { message: 'The request you have made requires authentication.', code: 401 } },
      };
    }
    return { status: 404, json: { itemNotFound: { code: 404, message: `${seen.path} could not be found.` } } };
  }

  /** Keystone's response to a request for a token, or about one. */
  tokenReply(seen: Seen, lives = this.#settings.tokenSeconds ?? 3600): Reply {
    const own = seen.headers['x-subject-token'];
    this.#issued += 1;
    const token = typeof own === 'string' ? own : `gAAAA-token-${this.#issued}`;
    this.tokens.add(token);
    const url = `${this.url('nova')}${this.#settings.endpointPath ?? '/v2.1'}`;
    const endpoints = ['public', 'internal'].map((each) => ({ interface: each, region: 'one', region_id: 'one', url }));
    // Mistral uses the address of Nova, with a path of its own.
    const workflow = endpoints.map((each) => ({ ...each, url: `${this.url('nova')}/workflow/v2` }));
    const catalog = [
      { type: 'compute', name: 'nova', endpoints },
      { type: 'workflowv2', name: 'mistral', endpoints: workflow },
    ];
    const roles = (this.#settings.roles ?? ['admin']).map((name) => ({ id: name, name }));
    const now = Date.now();
    const issued_at = new Date(now).toISOString();
    const expires_at = new Date(now + lives * 1000).toISOString();
    return {
      status: seen.method === 'POST' ? 201 : 200,
      headers: { 'x-subject-token': token },
      json: { token: { issued_at, expires_at, catalog, roles, user: { name: 'agent' }, project: { name: 'service' } } },
    };
  }
}
