/** The examples of pipelines whose tasks go over the network: checked, and run by a real engine against real servers. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadChecked } from '#agents/checked-configuration.ts';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld, type EngineWorldSettings } from './world/engine-world.ts';
import { withSecretFiles } from './world/example-secrets.ts';
import { Inventory } from './world/inventory.ts';
import { bodyOf, CA_FILE, headers, PASSWORD, PostOffice } from './world/post-office.ts';

const EXAMPLES = fileURLToPath(new URL('../docs/examples/pipelines/', import.meta.url));
const example = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');
const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

test.for(readdirSync(EXAMPLES).filter((name) => name.endsWith('.conf')))('%s holds without a warning', (name) => {
  // A checkout may be writable for others, as the umask was.
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
  try {
    writeFileSync(join(directory, name), example(name), { mode: 0o600 });
    expect(loadChecked(join(directory, name), 'ignore', '/nonexistent').warnings).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Runs a recovery of host c1 to its end */
async function recover(here: EngineWorld, methods: string): Promise<RecoveryView> {
  const file = join(here.directory, 'methods.conf');
  writeFileSync(file, methods, { mode: 0o600 });
  await here.engine();
  here.world.kill('c1');
  const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...DOWN);
  await expect
    .poll(async () => (await here.json<RecoveryView>('show', uuid)).notification.status, { timeout: 60_000 })
    .toMatch(/^(?:finished|failed|ignored)$/);
  return here.json<RecoveryView>('show', uuid);
}

/** The engine finds the lists in a file of the world's directory. */
async function start(settings: EngineWorldSettings = {}): Promise<EngineWorld> {
  const here = await EngineWorld.start(settings);
  const configuration = readFileSync(here.configFile, 'utf8');
  const named = `[engine]\nrecovery_methods_config = ${join(here.directory, 'methods.conf')}\n`;
  writeFileSync(here.configFile, configuration.replace('[engine]\n', named));
  return here;
}

test('a host comes back, and return.conf migrates its instances back and alerts the operators', {
  timeout: 120_000,
}, async () => {
  await using here = await start();
  const received = join(here.directory, 'received');
  const pager = join(here.directory, 'pager');
  writeFileSync(pager, `#!/bin/sh\necho "$@" >> ${received}\n`, { mode: 0o755 });
  const methods = example('return.conf')
    .replaceAll('../tasks/', fileURLToPath(new URL('../docs/examples/tasks/', import.meta.url)))
    .replaceAll(/(command = \S+alert\.sh .*)$/gm, `$1 ${pager}`);
  await recover(here, methods);
  here.world.comeBack('c1');
  const { notification_uuid: uuid } = await here.json<NotificationView>(
    'notify',
    '--hostname',
    'c1',
    '--event',
    'STARTED',
  );
  await expect
    .poll(async () => (await here.json<RecoveryView>('show', uuid)).notification.closed_at, { timeout: 60_000 })
    .not.toBeNull();
  const { notification, flows } = await here.json<RecoveryView>('show', uuid);
  expect(notification).toMatchObject({ status: 'finished', message: null });
  expect(flows[0]?.instances.map(({ to, state }) => [to, state])).toEqual(Array(4).fill(['c1', 'moved']));
  expect([...here.world.instances.values()].map(({ host, vmState }) => `${vmState} on ${host}`).sort()).toEqual([
    'active on c1',
    'active on c1',
    'active on c1',
    'stopped on c1',
  ]);
  expect(readFileSync(received, 'utf8')).toMatch(/host c1 is back, came home: 4, did not: 0/);
});

describe('a host fails', { timeout: 120_000 }, () => {
  test('and mail-owners.conf informs operators and owners', async () => {
    await using office = await PostOffice.start();
    await using here = await start();
    here.world.userAddresses.set('alice', 'alice@example.com').set('bob', 'bob@example.com');
    const { name } = here.world.addInstance('c1', { userId: 'bob' });
    const password = join(here.directory, 'password');
    writeFileSync(password, PASSWORD, { mode: 0o600 });
    const methods = withSecretFiles(example('mail-owners.conf'))
      .replaceAll('mail.example.com', '127.0.0.1')
      .replaceAll('/etc/recovery-agent/mail-password', password)
      .replaceAll(/^smtp_port = .*\n/gm, '')
      .replaceAll(/^smtp_host = .*$/gm, `$&\nsmtp_port = ${office.port}\nsmtp_ca_file = ${CA_FILE}`);
    const { notification } = await recover(here, methods);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    expect(office.received.map(({ to }) => to).sort()).toEqual([
      'alice@example.com',
      'bob@example.com',
      'oncall@example.com',
      'operators@example.com',
    ]);
    const [alert] = office.to('operators@example.com');
    expect(headers(alert?.raw ?? '', 'Subject')).toEqual(['Host c1 failed']);
    const [mail] = office.to('bob@example.com');
    expect(mail).toMatchObject({ isEncrypted: true, user: 'recovery-agent' });
    expect(bodyOf(mail?.raw ?? '')).toMatch(
      new RegExp(`ran on it\\.\n\nNAME +UUID +STATE\n${name} +\\S+ +recovered\n$`),
    );
  });

  test.each([
    [0, 'finished', ['down']],
    // Two rounds, each with an update and its rollback.
    [1, 'failed', ['down', 'up', 'down', 'up']],
  ])(
    'and inventory.conf updates an inventory, and rolls that back if the share of failed evacuations is %i',
    async (share, status, received) => {
      await using inventory = await Inventory.start();
      await using here = await start({
        behaviour: { failedEvacuations: share },
        configuration: 'process_unfinished_notifications_interval = 1',
      });
      const methods = example('inventory.conf')
        .replaceAll('https://inventory.example.org', inventory.url)
        .replaceAll('../tasks/', fileURLToPath(new URL('../docs/examples/tasks/', import.meta.url)));
      const { notification } = await recover(here, methods);
      expect([notification.status, inventory.updatesOf(notification.notification_uuid)]).toEqual([status, received]);
    },
  );

  test('and webhook.conf opens a ticket, and sends its number and the outcome to the chat', async () => {
    const received: { path: string; body: string; authorization: string | undefined }[] = [];
    const server = createServer(async (request, response) => {
      const { url: path = '', headers: given } = request;
      received.push({ path, body: await text(request), authorization: given.authorization });
      response.end(path.startsWith('/api/') ? '{"ticket": "T-17"}' : 'ok');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await using here = await start();
      for (const [name, content] of [
        ['chat-url', `${url}/services/T0/secret`],
        ['tickets-token', 'plugh'],
        ['tickets-key', 'xyzzy'],
      ] as const) {
        writeFileSync(join(here.directory, name), content, { mode: 0o600 });
      }
      const methods = withSecretFiles(example('webhook.conf'))
        .replaceAll('https://tickets.example.com', url)
        .replaceAll('/etc/recovery-agent/', `${here.directory}/`);
      const shown = await recover(here, methods);
      expect(shown.notification).toMatchObject({ status: 'finished', message: null });
      const uuid = shown.notification.notification_uuid;
      expect(received.map(({ path }) => path)).toEqual([
        '/api/hosts/c1/tickets',
        '/services/T0/secret',
        '/services/T0/secret',
      ]);
      expect(received[0]?.authorization).toBe('Bearer plugh');
      expect(received.slice(1).map(({ body }) => JSON.parse(body))).toEqual([
        { text: `Host *c1* failed. Recovery ${uuid} begins, ticket T-17.` },
        { text: 'Host *c1*: 4 instances recovered, 0 not. ' },
      ]);
      expect(JSON.stringify(shown)).not.toMatch(/secret|plugh|xyzzy/);
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });
});
