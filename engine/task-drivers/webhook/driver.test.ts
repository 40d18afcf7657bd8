import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { TaskWorld } from '#test/world/task-world.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Script = (response: ServerResponse, request: IncomingMessage) => void;

const answers =
  (status: number, body = '', headers: Record<string, string> = {}): Script =>
  (response) =>
    void response.writeHead(status, headers).end(body);
const hangsUp: Script = (response) => void response.socket?.destroy();
const isSilent: Script = () => {};
const tlsFile = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url));

/** A server on a free port whose responses a test writes: in their order, and the last one to all further requests. */
class Receiver implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly #scripts: Script[];
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: 'http' | 'https';
  #received = Promise.withResolvers<void>();

  static async start(...scripts: Script[]): Promise<Receiver> {
    return new Receiver('http', scripts).#listen();
  }

  static async startTls(...scripts: Script[]): Promise<Receiver> {
    return new Receiver('https', scripts).#listen();
  }

  private constructor(scheme: 'http' | 'https', scripts: Script[]) {
    this.#scripts = scripts;
    this.#scheme = scheme;
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const tls = { key: readFileSync(tlsFile('good.key')), cert: readFileSync(tlsFile('good.pem')) };
    this.#server = scheme === 'http' ? createServer(listener) : createTlsServer(tls, listener);
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when a request is here. */
  get received(): Promise<void> {
    return this.#received.promise;
  }

  async #listen(): Promise<Receiver> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request).catch(() => '');
    this.seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    this.#received.resolve();
    const script = this.#scripts.length > 1 ? this.#scripts.shift() : this.#scripts[0];
    script?.(response, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}

const hook = (url: string, ...lines: string[]) => ['[hook]', 'driver = webhook', `url = ${url}`, ...lines];
const failure = (message: unknown, cause = 'work') => ({ end: 'failure', message, cause });

describe('a request', () => {
  test('contains the inputs of the task, and its key', async () => {
    await using receiver = await Receiver.start(answers(204));
    await using world = await TaskWorld.start();
    const { outcome, messages } = await world.run(hook(`${receiver.url}/notify`, 'requires = ticket'), { ticket: 7 });
    expect(outcome).toMatchObject({ end: 'success' });
    const [seen] = receiver.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/notify' });
    const key = `${world.uuid}/hook`;
    expect(seen?.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': key });
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      version: 1,
      call: 'run',
      task: 'hook',
      occurrence: 1,
      phase: 'post',
      step_key: key,
      attempt: 1,
      inputs: { host_name: 'c1', notification_uuid: world.uuid, ticket: 7 },
    });
    expect(messages).toEqual([`POST to ${new URL(receiver.url).host} returned 204`]);
  });

  test('has method, headers and body of the definition, with values filled in', async () => {
    await using receiver = await Receiver.start(answers(200));
    await using world = await TaskWorld.start();
    await world.run(
      hook(
        `${receiver.url}/hosts/{{ host_name }}?note={{ note }}`,
        'method = PUT',
        'headers = {X-Note: "{{ note }}", X-Level: 3}',
        'body = {text: "Host {{ host_name }}", n: "{{ list.count }}", list: "{{ list }}"}',
      ),
      { note: 'ä b&c=d\r\nX-Evil: 1/..', list: [1, 2] },
    );
    const [seen] = receiver.seen;
    expect(seen).toMatchObject({
      method: 'PUT',
      url: '/hosts/c1?note=%C3%A4%20b%26c%3Dd%0D%0AX-Evil%3A%201%2F..',
      body: '{"text":"Host c1","n":2,"list":[1,2]}',
    });
    expect(seen?.headers).toMatchObject({ 'x-note': '%C3%A4 b&c=d%0D%0AX-Evil: 1/..', 'x-level': '3' });
    expect(seen?.headers).not.toHaveProperty('x-evil');
  });

  test('goes nowhere where a value would lead out of its place in the path', async () => {
    await using receiver = await Receiver.start(answers(200));
    await using world = await TaskWorld.start();
    const { outcome, steps } = await world.run(hook(`${receiver.url}/hosts/{{ name }}/down`), { name: '..' });
    expect(outcome).toEqual(failure('hook: the path of its URL has a segment "." or ".."'));
    expect(steps[0]?.state).toBe('failed');
    expect(receiver.seen).toEqual([]);
  });

  test('that gets has no body, and is signed as such', async () => {
    await using receiver = await Receiver.start(answers(200));
    await using world = await TaskWorld.start();
    const keyFile = join(world.directory, 'key');
    writeFileSync(keyFile, 'the key\n', { mode: 0o600 });
    await world.run(hook(receiver.url, 'method = GET', `hmac_key_file = ${keyFile}`));
    const [seen] = receiver.seen;
    expect(seen).toMatchObject({ method: 'GET', body: '' });
    expect(seen?.headers).not.toHaveProperty('content-type');
    expectSigned(seen, 'the key');
  });
});

function expectSigned(seen: Seen | undefined, key: string): void {
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(seen?.headers['x-recovery-agent-signature'])) ?? [];
  expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(300);
  expect(v1).toBe(createHmac('sha256', key).update(`${t}.${seen?.body}`).digest('hex'));
}

describe('secrets', () => {
  test('are read again for each attempt, and every attempt is signed again', async () => {
    await using world = await TaskWorld.start();
    const [tokenFile, keyFile] = [join(world.directory, 'token'), join(world.directory, 'key')];
    writeFileSync(tokenFile, 'first\n', { mode: 0o600 });
    writeFileSync(keyFile, 'key-1', { mode: 0o600 });
    await using receiver = await Receiver.start((response) => {
      writeFileSync(tokenFile, 'second\n');
      writeFileSync(keyFile, 'key-2');
      answers(503, '', { 'retry-after': '0' })(response, response.req);
    }, answers(200));
    const files = [`token_file = ${tokenFile}`, `hmac_key_file = ${keyFile}`];
    const { outcome } = await world.run(hook(receiver.url, ...files));
    expect(outcome).toMatchObject({ end: 'success' });
    expect(receiver.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
    expectSigned(receiver.seen[0], 'key-1');
    expectSigned(receiver.seen[1], 'key-2');
    const keys = new Set(receiver.seen.map(({ headers }) => headers['idempotency-key']));
    expect(keys).toEqual(new Set([`${world.uuid}/hook`]));
  });

  test('in files open to every user are not used', async () => {
    await using receiver = await Receiver.start(answers(200));
    await using world = await TaskWorld.start();
    const tokenFile = join(world.directory, 'token');
    writeFileSync(tokenFile, 'hush', { mode: 0o644 });
    const { outcome, steps } = await world.run(hook(receiver.url, `token_file = ${tokenFile}`));
    const why = `${tokenFile} holds the token of a webhook and is open to every user of this machine: chmod 640 ${tokenFile}`;
    expect(outcome).toEqual(failure(`hook: ${why}`));
    expect(steps[0]).toMatchObject({ state: 'failed', error: why });
    expect(receiver.seen).toEqual([]);
  });

  test('are in no message, with any response of the server', async () => {
    await using world = await TaskWorld.start();
    const file = (name: string, content: string): string => {
      writeFileSync(join(world.directory, name), content, { mode: 0o600 });
      return join(world.directory, name);
    };
    await using receiver = await Receiver.start((response, { headers, url }) =>
      answers(403, `no ${headers.authorization} at ${url}, signed with the-key`)(response, response.req),
    );
    const { outcome, steps, messages } = await world.run([
      '[hook]',
      'driver = webhook',
      `url_file = ${file('url', `${receiver.url}/services/T0/xyzzy`)}`,
      `token_file = ${file('token', 'plugh')}`,
      `hmac_key_file = ${file('key', 'the-key')}`,
    ]);
    expect(receiver.seen[0]).toMatchObject({ url: '/services/T0/xyzzy', headers: { authorization: 'Bearer plugh' } });
    const host = new URL(receiver.url).host;
    expect(outcome).toEqual(failure(`hook: POST to ${host} returned 403: no Bearer *** at ***, signed with ***`));
    expect(JSON.stringify([outcome, steps, messages])).not.toMatch(/xyzzy|plugh|the-key/);
  });

  test('stand in no message, when the server quotes a part of a secret URL', async () => {
    await using world = await TaskWorld.start();
    const urlFile = join(world.directory, 'url');
    await using receiver = await Receiver.start(answers(403, 'no hook frotz-42 for caller plugh in this=way'));
    writeFileSync(urlFile, `${receiver.url}/services/frotz-42?a=1&caller=plugh&b=this%3Dway`, { mode: 0o600 });
    const { outcome } = await world.run(['[hook]', 'driver = webhook', `url_file = ${urlFile}`]);
    const host = new URL(receiver.url).host;
    expect(outcome).toEqual(failure(`hook: POST to ${host} returned 403: no hook *** for caller *** in ***`));
  });
});

describe('an answer', () => {
  test('gives the outputs that the definition names, and nothing else', async () => {
    await using receiver = await Receiver.start(answers(201, '{"ticket":"T-1","more":2,"__proto__":{"link":"x"}}'));
    await using world = await TaskWorld.start();
    const { outputs } = await world.run(hook(receiver.url, 'provides = ticket, link'));
    expect(outputs).toEqual({ ticket: 'T-1', link: null });
  });

  test.for([
    ['no JSON', 'ok'],
    ['a list', '["ticket"]'],
    ['nothing', ''],
  ] as const)('of %s gives none', async ([, body]) => {
    await using receiver = await Receiver.start(answers(200, body));
    await using world = await TaskWorld.start();
    const { outcome, outputs } = await world.run(hook(receiver.url, 'provides = ticket'));
    expect(outcome).toMatchObject({ end: 'success' });
    expect(outputs).toEqual({ ticket: null });
  });

  test('larger than anything sensible is not read on, and was done all the same', async () => {
    await using receiver = await Receiver.start(answers(200, JSON.stringify({ ticket: 'x'.repeat(1_100_000) })));
    await using world = await TaskWorld.start();
    const { outcome, outputs, messages } = await world.run(
      hook(receiver.url, 'provides = ticket', 'after_crash = once'),
    );
    expect(outcome).toMatchObject({ end: 'success' });
    expect(outputs).toEqual({ ticket: null });
    expect(messages).toEqual([expect.stringContaining('more than 1048576 bytes, so no outputs are taken')]);
  });

  test('that refuses is quoted in one line of 200 characters', async () => {
    await using receiver = await Receiver.start(answers(404, `no\u0007 such\r\n\u001b[31mhook ${'x'.repeat(300)}`));
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook(receiver.url));
    const quote = `no such [31mhook ${'x'.repeat(183)}`;
    expect(outcome).toEqual(failure(`hook: POST to ${new URL(receiver.url).host} returned 404: ${quote}`));
  });

  test('that leads elsewhere is not followed, and only the host is named', async () => {
    await using other = await Receiver.start(answers(200));
    await using receiver = await Receiver.start(answers(307, '', { location: `${other.url}/secret?token=1` }));
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook(receiver.url));
    const hosts = [receiver, other].map(({ url }) => new URL(url).host);
    const why = `POST to ${hosts[0]} returned 307, which leads to ${hosts[1]}; redirects are not followed, name the final URL`;
    expect(outcome).toEqual(failure(`hook: ${why}`));
    expect(other.seen).toEqual([]);
  });

  test('that leads to the result (303) may mean that it was done: once, it is in doubt', async () => {
    await using receiver = await Receiver.start(answers(303, '', { location: '/result' }));
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook(receiver.url, 'after_crash = once', 'retries = 2', 'retry_delay = 0'));
    const why = /returned 303, which leads elsewhere; .*; it may have been done/;
    expect(outcome).toEqual(failure(expect.stringMatching(why), 'doubt'));
    expect(receiver.seen).toHaveLength(1);
  });
});

describe('a service that is busy', () => {
  test.for([
    [429, {}],
    [429, { 'retry-after': '0' }],
    [503, { 'retry-after': '0' }],
  ] as const)('and reports so with %s gets another request with the same key', async ([status, headers]) => {
    await using receiver = await Receiver.start(answers(status, '', headers), answers(200));
    await using world = await TaskWorld.start();
    const { outcome, messages } = await world.run(hook(receiver.url, 'after_crash = once'));
    expect(outcome).toMatchObject({ end: 'success' });
    expect(messages[0]).toContain(`returned ${status}; retry in`);
    expect(new Set(receiver.seen.map(({ headers: { 'idempotency-key': key } }) => key)).size).toBe(1);
    expect(receiver.seen).toHaveLength(2);
  });

  test('for longer than the task may take makes it fail, not done', async () => {
    await using receiver = await Receiver.start(answers(429, '', { 'retry-after': '600' }));
    await using world = await TaskWorld.start();
    const { outcome, steps } = await world.run(hook(receiver.url, 'timeout = 4', 'after_crash = once'));
    expect(outcome).toEqual(failure('hook: timed out after 4 s'));
    expect(steps[0]?.state).toBe('failed');
  });

  test.for(['0', '999999999'])('gets requests at a bearable rate, in spite of Retry-After: %s', async (seconds) => {
    await using receiver = await Receiver.start(answers(429, '', { 'retry-after': seconds }));
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook(receiver.url, 'timeout = 2'));
    expect(outcome).toEqual(failure('hook: timed out after 2 s'));
    expect(receiver.seen.length).toBeLessThanOrEqual(3);
  });

  test('while the engine stops gets the request of the next one, also if it must be sent once', async () => {
    await using receiver = await Receiver.start(answers(429, '', { 'retry-after': '600' }), answers(200));
    await using world = await TaskWorld.start();
    const run = world.run(hook(receiver.url, 'after_crash = once'));
    await expect.poll(async () => (await world.messages()).length, { timeout: 20_000 }).toBe(1);
    world.interrupt();
    expect(await run).toMatchObject({ outcome: 'interrupted', steps: [{ state: 'failed' }] });
    expect((await world.resume()).outcome).toMatchObject({ end: 'success' });
  });
});

describe('a service that cannot be reached', () => {
  /** A port without a listener. */
  async function closedPort(): Promise<number> {
    const server = createTcpServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  }

  test('did nothing, so that even a task of "once" is retried', async () => {
    await using world = await TaskWorld.start();
    const port = await closedPort();
    const section = hook(`http://127.0.0.1:${port}/`, 'after_crash = once', 'retries = 1', 'retry_delay = 0');
    const { outcome, steps, task } = await world.run(section);
    expect(outcome).toEqual(failure(expect.stringMatching(/was not sent: .*ECONNREFUSED/)));
    expect(steps[0]?.state).toBe('failed');
    expect(task.tries).toBe(2);
  });

  test('for lack of a name neither', async () => {
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook('http://no-such-host.invalid/', 'after_crash = once'));
    expect(outcome).toEqual(failure(expect.stringMatching(/POST to no-such-host\.invalid was not sent: /)));
  });

  test('or without a trusted certificate receives nothing', async () => {
    await using receiver = await Receiver.startTls(answers(200));
    await using world = await TaskWorld.start();
    const distrusted = await world.run(hook(receiver.url, 'after_crash = once'));
    expect(distrusted.outcome).toEqual(failure(expect.stringContaining('(ca_file names an authority)')));
    expect(receiver.seen).toEqual([]);
    const trusted = await world.run(hook(receiver.url, 'after_crash = once', `ca_file = ${tlsFile('good.pem')}`));
    expect(trusted.outcome).toMatchObject({ end: 'success' });
  });

  test('whose file of authorities is a pipe without a writer does not keep the task beyond its time', async () => {
    await using world = await TaskWorld.start();
    const fifo = join(world.directory, 'ca');
    execFileSync('mkfifo', [fifo]);
    const { outcome } = await world.run(hook('https://127.0.0.1:1/', `ca_file = ${fifo}`));
    expect(outcome).toEqual(failure(`hook: ${fifo} is no regular file`));
  });

  test('and a file of authorities that is missing is named', async () => {
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook('https://127.0.0.1:1/', 'ca_file = /no/such/file'));
    expect(outcome).toEqual(failure(expect.stringContaining('/no/such/file')));
  });
});

describe('an answer that is lost', () => {
  const LOST = [
    ['the connection closes', hangsUp],
    ['a 500 comes', answers(500, 'no idea')],
    ['a 502 comes', answers(502)],
    ['a 503 arrives without further headers', answers(503)],
  ] as const;

  test.for(LOST)('when %s leaves a task of "once" to the operator', async ([, script]) => {
    await using receiver = await Receiver.start(script, answers(200));
    await using world = await TaskWorld.start();
    const section = hook(receiver.url, 'after_crash = once', 'retries = 3', 'retry_delay = 0');
    const { outcome, steps } = await world.run(section);
    expect(outcome).toEqual(failure(expect.stringContaining('may have been done'), 'doubt'));
    expect(steps[0]?.state).toBe('unknown');
    expect((await world.run(section)).outcome).toEqual(failure(expect.stringContaining('is unknown'), 'doubt'));
    expect(receiver.seen).toHaveLength(1);
  });

  test.for(LOST)('when %s is requested again with the same key if the task is "idempotent"', async ([, script]) => {
    await using receiver = await Receiver.start(script, answers(200));
    await using world = await TaskWorld.start();
    const { outcome } = await world.run(hook(receiver.url, 'retries = 1', 'retry_delay = 0'));
    expect(outcome).toMatchObject({ end: 'success' });
    expect(receiver.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(Array(2).fill(`${world.uuid}/hook`));
  });

  test('because the time of the task is up leaves a task of "once" to the operator', async () => {
    await using receiver = await Receiver.start(isSilent);
    await using world = await TaskWorld.start();
    const section = hook(receiver.url, 'after_crash = once', 'timeout = 4', 'retries = 1', 'retry_delay = 0');
    const { outcome, steps } = await world.run(section);
    expect(outcome).toEqual(failure(expect.stringContaining('its outcome is unknown'), 'doubt'));
    expect(steps[0]?.state).toBe('unknown');
    expect(receiver.seen).toHaveLength(1);
  });

  test('because the engine stops is in doubt for the next one, or requested again', async () => {
    for (const [afterCrash, end] of [
      ['once', failure(expect.stringContaining('it was interrupted'), 'doubt')],
      ['idempotent', expect.objectContaining({ end: 'success' })],
    ] as const) {
      await using receiver = await Receiver.start(isSilent, answers(200));
      await using world = await TaskWorld.start();
      const run = world.run(hook(receiver.url, `after_crash = ${afterCrash}`));
      await receiver.received;
      world.interrupt();
      expect(await run).toMatchObject({ outcome: 'interrupted', steps: [{ state: 'intent' }] });
      expect((await world.resume()).outcome).toEqual(end);
    }
  });
});
