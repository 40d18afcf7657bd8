import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Credentials, Secret } from '#config/clouds/clouds.ts';
import type { Cloud } from '#engine/cloud/cloud.ts';
import { Redaction } from '#protocol/redaction.ts';
import { PASSWORD, type Script, ScriptedCloud, type Seen } from '#test/world/scripted-cloud.ts';

const SERVICE = {
  id: 's',
  host: 'h',
  status: 'enabled',
  state: 'up',
  forcedDown: false,
  disabledReason: null,
  updatedAt: null,
} as const;

/** What a hostile or careless server could send back: everything that it was ever sent. */
function echoes(secret: string): [string, Script][] {
  const all = ({ headers, body }: Seen) =>
    `${secret} ${encodeURIComponent(secret)} ${headers['x-auth-token']} ${JSON.stringify(headers)} ${body}`;
  const line = (seen: Seen) => encodeURIComponent(all(seen));
  const html = { 'content-type': 'text/html' };
  return [
    ...[400, 401, 403, 404, 409, 429, 500, 503].map((status): [string, Script] => [
      `a ${status} with a fault`,
      (seen) => ({ status, json: { fault: { message: all(seen), code: status } } }),
    ]),
    ['a page', (seen) => ({ status: 502, text: `<title>${all(seen)}</title>`, headers: html })],
    ['a strange type', (seen) => ({ status: 400, text: 'x', headers: { 'content-type': `a/b${line(seen)}` } })],
    ['a request id', (seen) => ({ status: 400, headers: { 'x-openstack-request-id': line(seen) } })],
    ['a redirect', (seen) => ({ status: 302, headers: { location: `http://x/${line(seen)}` } })],
    ['garbage', (seen) => ({ text: all(seen), headers: { 'content-type': line(seen) } })],
    ['the wrong JSON', (seen) => ({ json: { [all(seen)]: all(seen), servers: all(seen), services: all(seen) } })],
    ['no HTTP', (seen) => ({ instead: { raw: `${all(seen)}\r\n\r\n` } })],
    ['broken HTTP', (seen) => ({ instead: { raw: `HTTP/1.1 200 ${all(seen)}\r\n${all(seen)}\r\n\r\n` } })],
    ['a reset', { instead: 'reset' }],
    ['half an answer', (seen) => ({ instead: 'truncate', json: { m: all(seen) } })],
    ['silence', { instead: 'hang' }],
  ];
}

const read = (cloud: Cloud) => cloud.computeService('h');
const CALLS: [string, (cloud: Cloud) => Promise<unknown>][] = [
  ['GET /v2.1/os-services', read],
  ['GET /v2.1/servers/detail', (cloud) => cloud.listInstances({})],
  ['PUT /v2.1/os-services/s', (cloud) => cloud.changeService(SERVICE, {})],
  ['POST /v2.1/servers/i/action', (cloud) => cloud.evacuate('i', {})],
];

const GIVEN = 'gAAAA-token-given';
const METHODS: [string, string, Partial<Credentials>][] = [
  ['password', PASSWORD, {}],
  [
    'application credential',
    PASSWORD,
    { method: 'application_credential', credential: { id: 'a' }, secret: new Secret(PASSWORD) },
  ],
  ['token', GIVEN, { method: 'token', token: new Secret(GIVEN) }],
];

/** All that a log or a person could see of it, hidden properties and causes included. */
function shown(value: unknown): string {
  const seen = [inspect(value, { depth: 20, showHidden: true, maxStringLength: null }), JSON.stringify(value)];
  for (let at: unknown = value; at instanceof Error; at = at.cause) seen.push(String(at), `${at.stack}`);
  return seen.join('\n');
}

function expectNoSecret(text: string): void {
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'of-the-agent', 'gAAAA']) {
    expect(text).not.toContain(secret);
  }
}

describe.each(METHODS)('with a %s no secret is in any error or log line', (_, secret, change) => {
  test.each(echoes(secret))('when a service responds with %s', async (_name, script) => {
    await using cloud = await ScriptedCloud.start();
    const lines: string[] = [];
    const settings = {
      credentials: cloud.credentials(change),
      log: (_level: string, message: string) => void lines.push(message),
      options: { requestTimeoutMs: 60, connections: 2 },
    };
    const errors: unknown[] = [];
    const run = async (call: (client: Cloud) => Promise<unknown>) => {
      const client = cloud.client(settings);
      errors.push(client, await call(client).catch((error: unknown) => error));
    };
    for (const [request, call] of CALLS) {
      cloud.on(request, script);
      await run(call);
    }
    cloud.on('GET /v2.1/', script);
    await run(read);
    cloud.on('POST /v3/auth/tokens', script);
    cloud.on('GET /v3/auth/tokens', script);
    await run(read);
    expect(errors.filter((each) => each instanceof Error).length).toBeGreaterThanOrEqual(3);
    expectNoSecret([...errors.map(shown), ...lines].join('\n'));
  });
});

test('a secret that is part of another one leaves nothing of it behind', () => {
  const redaction = new Redaction(['abc', 'xabcx']);
  redaction.addToken('tok');
  expect(redaction.redact('1 xabcx 2 abc 3 tok')).toBe('1 *** 2 *** 3 ***');
  expect(inspect(redaction, { showHidden: true })).not.toContain('abc');
  const error = redaction.cause(Object.assign(new Error('was abc'), { data: 'abc' }));
  expect(inspect(error, { showHidden: true })).not.toContain('abc');
});
