import { describe, expect, test, vi } from 'vitest';
import { Secret } from '#config/clouds/clouds.ts';
import { PASSWORD, ScriptedCloud } from '#test/world/scripted-cloud.ts';

const SERVICES = 'GET /v2.1/os-services';
const TOKENS = 'POST /v3/auth/tokens';

async function started(settings = {}): Promise<ScriptedCloud> {
  const cloud = await ScriptedCloud.start(settings);
  cloud.on(SERVICES, { json: { services: [] } });
  return cloud;
}

describe('a token', () => {
  test('is requested with a password', async () => {
    await using cloud = await started();
    await cloud.client().check();
    const [request] = cloud.requests(TOKENS);
    expect(JSON.parse(request?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'agent', domain: { id: 'default' }, password: PASSWORD } },
        },
        scope: { project: { name: 'service', domain: { name: 'Default' } } },
      },
    });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(request?.headers['user-agent']).toBe('recovery-agent/test');
    const scope = { system: 'all' } as const;
    await cloud.client({ credentials: cloud.credentials({ user: { id: 'u' }, scope }) }).check();
    expect(JSON.parse(cloud.requests(TOKENS)[1]?.body ?? '').auth).toEqual({
      identity: { methods: ['password'], password: { user: { id: 'u', password: PASSWORD } } },
      scope: { system: { all: true } },
    });
  });

  test('is requested with an application credential, which has its own scope', async () => {
    await using cloud = await started();
    const method = 'application_credential';
    const secret = new Secret('app-secret');
    const user = { name: 'agent', domain: { name: 'D' } };
    await cloud.client({ credentials: cloud.credentials({ method, secret, credential: { id: 'a' } }) }).check();
    await cloud.client({ credentials: cloud.credentials({ method, secret, credential: { name: 'n', user } }) }).check();
    expect(cloud.requests(TOKENS).map((each) => JSON.parse(each.body))).toEqual([
      { auth: { identity: { methods: [method], [method]: { id: 'a', secret: 'app-secret' } } } },
      { auth: { identity: { methods: [method], [method]: { name: 'n', user, secret: 'app-secret' } } } },
    ]);
  });

  test('that is given is used as it is, with the catalogue that Keystone shows for it', async () => {
    await using cloud = await started();
    const credentials = cloud.credentials({ method: 'token', token: new Secret('given') });
    await cloud.client({ credentials }).check();
    const [request] = cloud.requests('GET /v3/auth/tokens');
    expect(request?.headers).toMatchObject({ 'x-auth-token': 'given', 'x-subject-token': 'given' });
    expect(cloud.requests(SERVICES)[0]?.headers['x-auth-token']).toBe('given');
    expect(cloud.requests(TOKENS)).toEqual([]);
  });

  test('that is given with a scope is exchanged for one of that scope', async () => {
    await using cloud = await started();
    const scopes = [{ project: { id: 'p' } }, { system: 'all' as const }, { trust: 't' }];
    for (const scope of scopes) {
      const credentials = cloud.credentials({ method: 'token', token: new Secret('given'), scope });
      await cloud.client({ credentials }).check();
    }
    const identity = { methods: ['token'], token: { id: 'given' } };
    expect(cloud.requests(TOKENS).map((each) => JSON.parse(each.body))).toEqual([
      { auth: { identity, scope: { project: { id: 'p' } } } },
      { auth: { identity, scope: { system: { all: true } } } },
      { auth: { identity, scope: { 'OS-TRUST:trust': { id: 't' } } } },
    ]);
    expect(cloud.requests(SERVICES).map(({ headers }) => headers['x-auth-token'])).not.toContain('given');
  });

  test('is one for fifty calls at once, and so is the version', async () => {
    await using cloud = await started();
    const client = cloud.client();
    await Promise.all(Array.from({ length: 50 }, () => client.check()));
    expect(cloud.requests(TOKENS)).toHaveLength(1);
    expect(cloud.requests('GET /v2.1/')).toHaveLength(1);
    expect(client.calls).toEqual({ identity: 1, compute: 51 });
  });

  test('is renewed shortly before its end, while the old one still serves', async () => {
    await using cloud = await started({ tokenSeconds: 1000 });
    let now = 5_000_000;
    const client = cloud.client({ options: { clock: { boottime: () => now, sleep: async () => {} } } });
    await client.check();
    now += 949_000;
    await client.check();
    expect(cloud.requests(TOKENS)).toHaveLength(1);
    now += 2_000;
    await client.check();
    await vi.waitFor(() => expect(cloud.tokens.size).toBe(2));
    await vi.waitFor(async () => {
      await client.check();
      expect(cloud.requests(SERVICES).at(-1)?.headers['x-auth-token']).toBe('gAAAA-token-2');
    });
    expect(cloud.requests(TOKENS)).toHaveLength(2);
  });

  test('is still used if it cannot be renewed early, until it expires', async () => {
    await using cloud = await started({ tokenSeconds: 1000 });
    let now = 0;
    const warnings: string[] = [];
    const client = cloud.client({
      options: { clock: { boottime: () => now, sleep: async () => {} } },
      log: (level, message) => level === 'warn' && warnings.push(message),
    });
    await client.check();
    cloud.on(TOKENS, { status: 500 });
    now += 960_000;
    await client.check();
    await vi.waitFor(() => expect(warnings[0]).toMatch(/^the token could not be renewed: Keystone responded 500/));
    now += 60_000;
    await expect(client.check()).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test("has an age by Keystone's times, with any time of this machine's clock", async () => {
    await using cloud = await started();
    cloud.on(TOKENS, (seen) => {
      const reply = cloud.tokenReply(seen);
      const token = {
        ...(reply.json as { token: object }).token,
        issued_at: '2001-01-01T00:00:00.000000Z',
        expires_at: '2001-01-01T01:00:00.000000Z',
      };
      return { ...reply, headers: { ...reply.headers, date: 'Mon, 01 Jan 2001 00:00:00 GMT' }, json: { token } };
    });
    const client = cloud.client();
    await client.check();
    await client.check();
    expect(cloud.requests(TOKENS)).toHaveLength(1);
  });

  test('that Nova refuses is replaced once, and the call repeated, also an evacuation', async () => {
    await using cloud = await started();
    const client = cloud.client();
    await client.check();
    cloud.tokens.clear();
    const action = 'POST /v2.1/servers/i/action';
    cloud.on(action, { status: 401 }, { status: 200 });
    await client.evacuate('i', {});
    expect(cloud.requests(action).map((each) => each.headers['x-auth-token'])).toEqual([
      'gAAAA-token-1',
      'gAAAA-token-2',
    ]);
  });

  test('that Nova refuses twice ends in unauthorized', async () => {
    await using cloud = await started();
    cloud.on(SERVICES, { status: 401, json: { error: { message: 'go away', code: 401 } } });
    const error = { kind: 'unauthorized', status: 401, message: 'Nova responded 401 to GET /os-services: go away' };
    await expect(cloud.client().check()).rejects.toMatchObject(error);
    expect(cloud.requests(TOKENS)).toHaveLength(2);
    expect(cloud.requests(SERVICES)).toHaveLength(2);
  });
});

describe('Keystone', () => {
  test('refusing the credentials is unauthorized, once, and the message names the user', async () => {
    await using cloud = await started();
    const headers = { 'x-openstack-request-id': 'req-1' };
    cloud.on(TOKENS, { status: 401, headers, json: { error: { code: 401, message: 'Wrong password.' } } });
    const message = `Keystone responded 401 to POST ${cloud.url('keystone')}/v3/auth/tokens (req-1): Wrong password. (the credentials are those of the test)`;
    await expect(cloud.client().evacuate('i', {})).rejects.toMatchObject({
      kind: 'unauthorized',
      requestId: 'req-1',
      message,
    });
    expect(cloud.requests(TOKENS)).toHaveLength(1);
  });

  test.each([
    [{ status: 500 }, 'unreachable', /responded 500 to POST .*; so there is no token/],
    [
      { status: 503, headers: { 'retry-after': '0' }, json: { error: { code: 503, message: 'Later.' } } },
      'busy',
      /responded 503/,
    ],
    [{ status: 503, headers: { 'retry-after': '0' } }, 'unreachable', /responded 503 to POST .*; so there is no token/],
    [
      { status: 404, text: '<title>Not Found</title>' },
      'unreachable',
      /a page titled 'Not Found' \(is auth_url right in the test\?\)/,
    ],
    [
      { status: 404, json: { error: { code: 404, message: 'Could not find domain: x.' } } },
      'refused',
      /Could not find domain: x\. \(is auth_url right in the test\?\)/,
    ],
    [{ instead: 'reset' as const }, 'unreachable', /response .* was lost: .*; so there is no token/],
    [{ status: 201, text: 'not json' }, 'unreachable', /without a token/],
    [
      { status: 201, headers: { 'x-subject-token': 't' }, text: 'x' },
      'unreachable',
      /not with JSON \(1 characters of unknown type\)/,
    ],
    [{ status: 201, headers: { 'x-subject-token': 't' }, json: { token: 1 } }, 'unreachable', /token is not Object/],
    [
      { status: 201, headers: { 'x-subject-token': 't' }, json: { token: {} } },
      'refused',
      /it has none at all: the token/,
    ],
  ])('with the response %o is %s', async (reply, kind, message) => {
    await using cloud = await started();
    cloud.on(TOKENS, reply);
    await expect(cloud.client().evacuate('i', {})).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
    expect(cloud.seen.filter((each) => each.service === 'nova')).toEqual([]);
  });

  test('being down is unreachable, and nothing was requested of Nova', async () => {
    await using cloud = await started();
    const client = cloud.client();
    await cloud.stop('keystone');
    await expect(client.evacuate('i', {})).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/^Keystone cannot be reached for POST .*ECONNREFUSED/),
    });
    expect(client.calls).toEqual({ identity: 0, compute: 0 });
  });

  test('that never responds does not hold a call for longer than its deadline', async () => {
    await using cloud = await started();
    cloud.on(TOKENS, { instead: 'hang' });
    await expect(cloud.client({ options: { callTimeoutMs: 50 } }).check()).rejects.toMatchObject({
      kind: 'unreachable',
    });
    const stop = new AbortController();
    const call = cloud.client().check({ signal: stop.signal });
    await vi.waitFor(() => expect(cloud.requests(TOKENS)).toHaveLength(2));
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });
});
