import { describe, expect, test, vi } from 'vitest';
import { type Reply, ScriptedCloud } from '#test/world/scripted-cloud.ts';

const SERVICES = 'GET /v2.1/os-services';
const ACTION = 'POST /v2.1/servers/i/action';
const PUT = 'PUT /v2.1/os-services/s';
const SERVICE = {
  id: 's',
  host: 'h',
  status: 'enabled',
  state: 'up',
  forcedDown: false,
  disabledReason: null,
  updatedAt: null,
} as const;
const OK: Reply = { json: { services: [] } };

/** A clock that does not wait but remembers how long it should have. */
function impatient() {
  const slept: number[] = [];
  const clock = { boottime: () => performance.now(), sleep: async (ms: number) => void slept.push(ms) };
  return { slept, clock, random: () => 0 };
}

describe('an evacuation whose outcome is not known', () => {
  test.each<[Reply, RegExp]>([
    [
      { status: 500, json: { computeFault: { message: 'Unexpected API Error.' } } },
      /^Nova responded 500 to POST .*Unexpected/,
    ],
    [{ status: 502, text: '<html><title>502 Bad Gateway</title></html>' }, /502 .* a page titled '502 Bad Gateway'/],
    [{ status: 503 }, /responded 503/],
    [{ status: 504 }, /responded 504/],
    [{ status: 503, headers: { 'retry-after': '1' }, text: '<html><title>busy</title>' }, /responded 503/],
    [{ status: 503, headers: { 'retry-after': '1' }, json: { error: { message: 'no upstream' } } }, /responded 503/],
    [
      { status: 404, text: '<html><title>Not Found</title>' },
      /404 .*; it is not Nova's own: the response is from a proxy/,
    ],
    [{ status: 404, json: { message: 'no Route matched' } }, /404 .*; it is not Nova's own/],
    [{ status: 404, json: { error: { code: 404, message: 'no route' } } }, /404 .*: no route; it is not Nova's own/],
    [{ instead: 'reset' }, /response to POST \/servers\/i\/action was lost/],
    [{ instead: 'truncate', json: {} }, /was lost/],
    [{ instead: 'hang' }, /was lost: no response within 0.25 s/],
    [{ instead: { raw: 'no HTTP\r\n\r\n' } }, /was lost/],
    [{ status: 200, text: '<html>', headers: { 'content-type': 'text/html' } }, /page of HTML/],
  ])('(%o) is unknown, and was sent once', async (reply, message) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, reply);
    const client = cloud.client({ options: { requestTimeoutMs: reply.instead === 'hang' ? 250 : 10_000 } });
    const error = { kind: 'unknown', message: expect.stringMatching(message) };
    await expect(client.evacuate('i', {})).rejects.toMatchObject(error);
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });

  test('because its caller cancelled is unknown too; before it was sent it is the reason of the signal', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, { instead: 'hang' });
    const client = cloud.client({ options: { connections: 1 } });
    const stop = new AbortController();
    const sent = client.evacuate('i', {}, { signal: stop.signal });
    await vi.waitFor(() => expect(cloud.requests(ACTION)).toHaveLength(1));
    const waiting = client.evacuate('i', {}, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(sent).rejects.toMatchObject({ kind: 'unknown', message: expect.stringMatching(/cancelled/) });
    await expect(waiting).rejects.toThrow('enough');
    await expect(client.evacuate('i', {}, { signal: stop.signal })).rejects.toThrow('enough');
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });
});

describe('a request that was certainly not carried out', () => {
  test.each<Reply>([
    { status: 429, headers: { 'retry-after': '7' } },
    { status: 413, headers: { 'retry-after': '7' }, json: { overLimit: { code: 413, message: 'slow down' } } },
    { status: 503, headers: { 'retry-after': '7', 'x-openstack-request-id': 'req-8' } },
    { status: 503, headers: { 'retry-after': '7' }, json: { serviceUnavailable: { code: 503, message: 'later' } } },
    {
      status: 503,
      headers: {
        date: 'Sat, 03 Jan 2026 10:00:00 GMT',
        'retry-after': 'Sat, 03 Jan 2026 10:00:07 GMT',
        'x-openstack-request-id': 'req-8',
      },
    },
  ])('(%o) is sent again after the delay that the cloud requested', async (reply) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(ACTION, reply, reply, { status: 200, headers: { 'x-openstack-request-id': 'req-9' } });
    const { slept, ...options } = impatient();
    await expect(cloud.client({ options }).evacuate('i', {})).resolves.toEqual({ requestId: 'req-9' });
    expect(slept).toEqual([7000, 7000]);
  });

  test('is left to the caller if the cloud requests a long wait, or waits repeatedly', async () => {
    await using cloud = await ScriptedCloud.start();
    const { slept, ...options } = impatient();
    const client = cloud.client({ options });
    cloud.on(ACTION, { status: 503, headers: { 'retry-after': '3600', 'x-openstack-request-id': 'req-8' } });
    await expect(client.evacuate('i', {})).rejects.toMatchObject({ kind: 'busy', status: 503, retryAfter: 3600 });
    expect(slept).toEqual([]);
    cloud.on(ACTION, { status: 429, json: { overLimit: { message: 'slow down' } } });
    await expect(client.evacuate('i', {})).rejects.toMatchObject({
      kind: 'busy',
      message: 'Nova responded 429 to POST /servers/i/action: slow down',
    });
    expect(cloud.requests(ACTION)).toHaveLength(1 + 4);
  });

  test('because no server listens is unreachable', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, OK);
    const client = cloud.client();
    await client.check();
    await cloud.stop('nova');
    // The first of these uses the connection that was kept, the next ones find no server.
    await expect(client.check()).rejects.toMatchObject({ kind: 'unreachable' });
    const error = {
      kind: 'unreachable',
      message: expect.stringMatching(/^Nova cannot be reached for POST .*ECONNREFUSED/),
    };
    await expect(client.evacuate('i', {})).rejects.toMatchObject(error);
  });

  test('because the name does not exist or the client is closed is unreachable', async () => {
    await using cloud = await ScriptedCloud.start();
    const client = cloud.client({ credentials: cloud.credentials({ authUrl: 'http://keystone.invalid' }) });
    await expect(client.check()).rejects.toMatchObject({ kind: 'unreachable' });
    await client.close();
    await expect(client.check()).rejects.toMatchObject({ message: expect.stringMatching(/was closed/) });
  });

  test.each([
    [400, 'refused'],
    [403, 'unauthorized'],
    [404, 'not_found'],
    [409, 'conflict'],
    [413, 'refused'],
  ])('(%i) is %s, with the words of the cloud', async (status, kind) => {
    await using cloud = await ScriptedCloud.start();
    const name = status === 404 ? 'itemNotFound' : 'someFault';
    const json = { [name]: { code: status, message: `Cannot\n 'evacuate' it` } };
    cloud.on(ACTION, { status, json, headers: { 'x-openstack-request-id': 'req-7' } });
    const message = `Nova responded ${status} to POST /servers/i/action (req-7): Cannot 'evacuate' it`;
    await expect(cloud.client().evacuate('i', {})).rejects.toMatchObject({ kind, status, requestId: 'req-7', message });
    expect(cloud.requests(ACTION)).toHaveLength(1);
  });
});

describe('a request that may be repeated', () => {
  test.each<Reply>([
    { status: 500 },
    { status: 503 },
    { instead: 'reset' },
    { instead: 'truncate', json: OK.json },
    { status: 429 },
  ])('is, after %o', async (reply) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, reply, reply, reply, OK);
    await cloud.client().check();
    cloud.on(PUT, reply, { status: 200 });
    await cloud.client().changeService(SERVICE, { forcedDown: true });
    expect(cloud.requests(SERVICES)).toHaveLength(4);
    expect(cloud.requests(PUT)).toHaveLength(2);
  });

  test('ends in unknown after so many tries', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, { status: 500 });
    await expect(cloud.client().check()).rejects.toMatchObject({ kind: 'unknown', status: 500 });
    expect(cloud.requests(SERVICES)).toHaveLength(4);
  });

  test('stays unknown when it left at first and did not later', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(PUT, async () => {
      void cloud.stop('nova');
      return { instead: 'reset' };
    });
    const error = { kind: 'unknown', message: expect.stringMatching(/earlier attempt may have had its effect/) };
    await expect(cloud.client().changeService(SERVICE, { forcedDown: true })).rejects.toMatchObject(error);
  });
});

describe('an answer that is not what it should be', () => {
  test.each<[Reply, RegExp]>([
    [{ text: 'garbage' }, /but not with JSON \(7 characters of unknown type\)/],
    [{ text: '{"services": [' }, /but not with JSON/],
    [
      { text: '<html>', headers: { 'content-type': 'text/html; charset=x' } },
      /but not with JSON \(6 characters of text\/html\)/,
    ],
    [{ json: { services: [{ id: 's' }] } }, /but services.0.host is not/],
    [{ json: [] }, /but .* is not/],
    [{ text: '' }, /but not with JSON/],
    [{ text: ' '.repeat(100_001) }, /larger than 100000 bytes/],
  ])('(%o) is reported, once', async (reply, message) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(SERVICES, reply);
    const client = cloud.client({ options: { bodyMaxBytes: 100_000 } });
    await expect(client.computeService('h')).rejects.toMatchObject({
      kind: 'unknown',
      message: expect.stringMatching(message),
    });
    expect(cloud.requests(SERVICES)).toHaveLength(1);
  });

  test('a 404 that is not from Nova is no evidence about an instance', async () => {
    await using cloud = await ScriptedCloud.start();
    cloud.on('GET /v2.1/servers/i', { status: 404, text: '<title>Not Found</title>' });
    await expect(cloud.client().instance('i')).rejects.toMatchObject({ kind: 'unknown', status: 404 });
    await expect(cloud.client().instance('other')).resolves.toBeUndefined();
  });
});

test('no more requests are under way than there are connections', async () => {
  await using cloud = await ScriptedCloud.start();
  let now = 0;
  let most = 0;
  cloud.on(SERVICES, async () => {
    most = Math.max(most, ++now);
    await new Promise((done) => setImmediate(done));
    now--;
    return OK;
  });
  const client = cloud.client({ options: { connections: 3 } });
  await Promise.all(Array.from({ length: 30 }, () => client.check()));
  expect(most).toBeLessThanOrEqual(3);
  expect(cloud.requests(SERVICES)).toHaveLength(30);
});

test('a recovery’s call is next, with any number of waiting questions', async () => {
  await using cloud = await ScriptedCloud.start();
  const open: (() => void)[] = [];
  cloud.on(SERVICES, async () => {
    await new Promise<void>((done) => open.push(done));
    return OK;
  });
  cloud.on(ACTION, { status: 202 });
  const client = cloud.client({ options: { connections: 4 } });
  const questions = Array.from({ length: 512 }, () => client.check({ urgency: 'question' }));
  await vi.waitFor(() => expect(open).toHaveLength(1));
  await client.evacuate('i', {});
  expect(cloud.requests(SERVICES)).toHaveLength(1);
  cloud.on(SERVICES, OK);
  for (const done of open) done();
  await Promise.all(questions);
  expect(cloud.requests(SERVICES)).toHaveLength(512);
});
