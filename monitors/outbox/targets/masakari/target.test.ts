/** Against an HTTP server that sends captured responses of a real Keystone and Masakari (test/fixtures/masakari). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCredentials } from '#config/clouds/clouds.ts';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { createTarget } from '../create-target.ts';
import type { Target } from '../target.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../../test/fixtures/masakari/${name}`, import.meta.url), 'utf8');
const CAPTURED = JSON.parse(fixture('token.json'));
/** Valid for an hour by the clock of the server, which is in its responses. */
const TOKEN = {
  token: {
    ...CAPTURED.token,
    issued_at: new Date().toISOString(),
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  },
};
const ACCEPTED = fixture('notification-VM.json');
const PASSWORD = 'tops3cret';

const BODY: NotificationBody = {
  notification: {
    type: 'VM',
    hostname: 'c1',
    generated_time: '2026-11-21T09:01:02.577241',
    payload: {
      event: 'LIFECYCLE',
      instance_uuid: '00000000-0000-0000-0000-000000000000',
      vir_domain_event: 'STOPPED_FAILED',
    },
  },
};
const FACTS = { ageMs: 0, attempts: 1, proof: 'fencing' } as const;

interface ReceivedRequest {
  readonly path: string;
  readonly token: string | undefined;
  readonly body: unknown;
}

let directory = '';
let server: Server;
let target: Target;
let requested: ReceivedRequest[] = [];
/** The next responses of Masakari; the last one is repeated. */
let answers: (readonly [status: number, text: string])[] = [];
let keystone: readonly [status: number, text: string] = [201, ''];
let tokens = 0;

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-masakari-'));
  requested = [];
  answers = [[202, ACCEPTED]];
  tokens = 0;
  server = createServer(async (request, response) => {
    const path = request.url ?? '';
    requested.push({
      path,
      token: request.headers['x-auth-token'] as string | undefined,
      body: JSON.parse(await textOf(request)),
    });
    if (path === '/v3/auth/tokens') {
      tokens += 1;
      const [status, text] = keystone;
      response.writeHead(status, { 'x-subject-token': `token-${tokens}` }).end(text);
      return;
    }
    const [status, text] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, ''];
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  const url = `http://127.0.0.1:${typeof at === 'object' && at ? at.port : 0}`;
  keystone = [201, JSON.stringify(TOKEN).replaceAll('http://127.0.0.1:15868', url)];
  const cloudsFile = join(directory, 'clouds.yaml');
  writeFileSync(
    cloudsFile,
    `clouds:\n  lab:\n    region_name: RegionOne\n    auth: {auth_url: "${url}/v3", username: masakari, password: ${PASSWORD}, project_name: service}\n`,
    { mode: 0o600 },
  );
  expect(loadCredentials({ environment: {}, file: cloudsFile, home: '/', directory: '/' }).method).toBe('password');
  target = createTarget({
    ...DEFAULT_OPTIONS,
    transport: { ...DEFAULT_OPTIONS.transport, target: 'masakari', answerTimeoutMs: 10_000 },
    cloud: { ...DEFAULT_OPTIONS.cloud, cloudsFile },
  });
});
afterEach(async () => {
  await target.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

describe('a Masakari', () => {
  it('gets the notification as its own monitors send it, found in the catalog, with one token for many', async () => {
    expect(await target.reach()).toBeUndefined();
    const uuid = JSON.parse(ACCEPTED).notification.notification_uuid;
    for (let times = 0; times < 2; times += 1) {
      expect(await target.send(BODY, FACTS)).toEqual({
        outcome: 'accepted',
        answer: expect.stringContaining(uuid),
      });
    }
    expect(requested.map(({ path, token }) => [path, token])).toEqual([
      ['/v3/auth/tokens', undefined],
      ['/v1/notifications', 'token-1'],
      ['/v1/notifications', 'token-1'],
    ]);
    expect(requested[1]?.body).toEqual(BODY);
    expect(await target.queryInstance('x')).toBeUndefined();
  });

  it.each([
    [400, '{"badRequest": {"code": 400, "message": "Host with name nosuch could not be found."}}', 'refused'],
    [409, '{"conflictingRequest": {"code": 409, "message": "Notification exists."}}', 'declined'],
    [403, '{"forbidden": {"code": 403, "message": "no"}}', 'away'],
    [404, 'nothing here', 'away'],
    [500, '', 'failed'],
    [503, '<html>', 'away'],
    [200, '{}', 'away'],
    [202, '{"welcome": true}', 'away'],
  ])('that responds with %i %j: the report is %3$s', async (status, text, outcome) => {
    answers = [[status, text]];
    const sent = await target.send(BODY, FACTS);
    expect(sent).toMatchObject({ outcome });
    if (status === 400) {
      expect(sent).toMatchObject({ reason: 'Masakari returned 400: Host with name nosuch could not be found.' });
    }
  });

  it('that no longer accepts the token gets another one, once', async () => {
    answers = [
      [401, ''],
      [202, ACCEPTED],
    ];
    expect(await target.send(BODY, FACTS)).toMatchObject({ outcome: 'accepted' });
    expect(requested.at(-1)?.token).toBe('token-2');
    answers = [[401, '']];
    expect(await target.send(BODY, FACTS)).toMatchObject({ outcome: 'away' });
    expect(tokens).toBe(3);
  });

  it('is away while Keystone returns no token, and no message contains the password', async () => {
    const requested = /POST http:\/\/127\.0\.0\.1:\d+\/v3\/auth\/tokens/.source;
    for (const [status, text, expected] of [
      [
        401,
        `{"error": {"message": "${PASSWORD}"}}`,
        `^Keystone responded 401 to ${requested}: \\*\\*\\* \\(the credentials are those of .*clouds.yaml`,
      ],
      [201, 'hello', `^Keystone responded 201 to ${requested}, but not with JSON .*; so there is no token$`],
      [
        201,
        '{"token": {"catalog": []}}',
        '^the catalogue has no endpoint for instance-ha, interface public, region RegionOne; .*; set \\[transport\\] masakari_endpoint$',
      ],
      [503, '', `^Keystone responded 503 to ${requested}; so there is no token$`],
    ] as const) {
      keystone = [status, text];
      const reason = await target.reach();
      expect(reason).toMatch(new RegExp(expected));
      expect(reason).not.toContain(PASSWORD);
    }
    expect(await target.send(BODY, FACTS)).toMatchObject({ outcome: 'away' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // The first request may still find the connection that the server closed.
    await expect.poll(() => target.reach()).toMatch(new RegExp(`^Keystone cannot be reached for ${requested}: `));
  });
});
