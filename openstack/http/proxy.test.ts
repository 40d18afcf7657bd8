import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ProxyVariables } from '#config/clouds/proxy.ts';
import { ScriptedCloud } from '#test/world/scripted-cloud.ts';

const file = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}`, import.meta.url));

/** A proxy on loopback that forwards requests and opens tunnels, and remembers them. */
class ForwardProxy implements AsyncDisposable {
  readonly seen: string[] = [];
  readonly credentials = new Set<string | undefined>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #status: number;

  static async start(status = 200): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(status);
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done));
    return proxy;
  }

  private constructor(status: number) {
    this.#status = status;
    this.#server = createServer((from, to) => {
      this.#note('forward', from);
      const { method, headers } = from;
      const { 'proxy-authorization': _, 'proxy-connection': __, ...rest } = headers;
      const onward = request(from.url ?? '', { method, headers: rest, agent: false }, (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      });
      onward.on('error', () => to.destroy());
      from.pipe(onward);
    });
    this.#server.on('connection', (socket) => this.#keep(socket));
    this.#server.on('connect', (from, socket: Socket) => {
      this.#note('tunnel', from);
      if (this.#status !== 200) return void socket.end(`HTTP/1.1 ${this.#status} No\r\n\r\n`);
      const { hostname, port } = new URL(`http://${from.url}`);
      const onward = connect(Number(port), hostname, () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
      this.#keep(onward);
      onward.pipe(socket).pipe(onward);
    });
  }

  get url(): string {
    return `http://us%C3%A9r:s3cret@127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #note(how: string, { url, headers }: IncomingMessage): void {
    this.seen.push(`${how} ${url}`);
    this.credentials.add(headers['proxy-authorization']);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }
}

async function started(protocol: 'http' | 'https'): Promise<ScriptedCloud> {
  const tls = { key: readFileSync(file('good.key'), 'utf8'), cert: readFileSync(file('good.pem'), 'utf8') };
  const cloud = await ScriptedCloud.start(protocol === 'https' ? { tls } : {});
  cloud.on('GET /v2.1/os-services', { json: { services: [] } });
  return cloud;
}

describe('through a proxy', () => {
  test('requests without TLS are forwarded, with the credentials of its URL, and the log names it', async () => {
    await using proxy = await ForwardProxy.start();
    await using cloud = await started('http');
    const lines: string[] = [];
    const credentials = cloud.credentials({ proxies: new ProxyVariables({ HTTP_PROXY: proxy.url }) });
    await cloud.client({ credentials, log: (_, line) => lines.push(line) }).check();
    expect(proxy.seen).toEqual([
      `forward ${cloud.url('keystone')}/v3/auth/tokens`,
      `forward ${cloud.url('nova')}/v2.1/`,
      expect.stringMatching(`^forward ${cloud.url('nova')}/v2.1/os-services\\?`),
    ]);
    expect([...proxy.credentials]).toEqual([`Basic ${Buffer.from('usér:s3cret').toString('base64')}`]);
    expect(lines.join('\n')).toMatch(/use the proxy http:\/\/127\.0\.0\.1:\d+ of HTTP_PROXY/);
    expect(lines.join('\n')).not.toContain('s3cret');
  });

  test('those with TLS have a tunnel to each service, whose certificate is checked', async () => {
    await using proxy = await ForwardProxy.start();
    await using cloud = await started('https');
    const proxies = new ProxyVariables({ https_proxy: proxy.url });
    await cloud.client({ credentials: cloud.credentials({ proxies, caFile: file('good.pem') }) }).check();
    expect(new Set(proxy.seen)).toEqual(
      new Set(['keystone', 'nova'].map((each) => `tunnel ${new URL(cloud.url(each as 'nova')).host}`)),
    );
    await expect(cloud.client({ credentials: cloud.credentials({ proxies }) }).check()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/cacert/),
    });
  });

  test('what no_proxy exempts goes directly', async () => {
    await using proxy = await ForwardProxy.start();
    await using cloud = await started('http');
    const proxies = new ProxyVariables({ http_proxy: proxy.url, NO_PROXY: 'localhost, 127.0.0.0/8' });
    await cloud.client({ credentials: cloud.credentials({ proxies }) }).check();
    expect(proxy.seen).toEqual([]);
    expect(cloud.requests('GET /v2.1/os-services')).toHaveLength(1);
  });

  test.each([403, 407])('one that refuses the tunnel with %i leaves the cloud unreachable', async (status) => {
    await using proxy = await ForwardProxy.start(status);
    await using cloud = await started('https');
    const credentials = cloud.credentials({ proxies: new ProxyVariables({ HTTPS_PROXY: proxy.url }) });
    const error = await cloud
      .client({ credentials })
      .check()
      .catch((each: Error) => each);
    expect(error).toMatchObject({ kind: 'unreachable', message: expect.stringContaining(`${status}`) });
    expect(String(error)).not.toContain('s3cret');
    expect(cloud.seen).toEqual([]);
  });

  test('one that cannot be used is named', async () => {
    await using cloud = await started('http');
    const credentials = cloud.credentials({ proxies: new ProxyVariables({ HTTP_PROXY: 'socks5://p:1' }) });
    await expect(cloud.client({ credentials }).check()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/HTTP_PROXY is not the URL of an HTTP proxy/),
    });
  });
});
