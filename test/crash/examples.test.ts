/**
 * Every example pipeline of docs/examples on a real engine with its real programs, web servers and mail server: the engine is
 * killed when each task starts and when each has done its work, and another one continues.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigurationFile } from '#config/document/files.ts';
import { loadConfiguration } from '#config/load.ts';
import { hasTasks, placedTasksOf } from '#config/pipelines/pipelines.ts';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { EngineWorld } from '../world/engine-world.ts';
import { withSecretFiles } from '../world/example-secrets.ts';
import { Inventory } from '../world/inventory.ts';
import { CA_FILE, PASSWORD, PostOffice } from '../world/post-office.ts';

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url));
const PIPELINES = join(EXAMPLES, 'pipelines');
const UP = ['--hostname', 'c1', '--event', 'STARTED'];
/** Upper bound of a recovery: the machine may be busy. */
const LIMIT_MS = 90_000;
const POLL_MS = 50;
const DOWN = ['--hostname', 'c1', '--event', 'STOPPED', '--host-status', 'NORMAL'];

/** Takes every request, and keeps the keys by which a receiver knows that it has had one before. */
class Receiver implements AsyncDisposable {
  readonly keys = new Set<string>();
  readonly #server = createServer((request, response) => {
    this.keys.add(String(request.headers['idempotency-key']));
    request.resume().on('end', () => response.end('{"ticket": "T-17"}'));
  });

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

interface Surroundings {
  readonly url: string;
  readonly inventory: Inventory;
  readonly office: PostOffice;
}

/** The example as an operator would have put it into this world: its servers, files and programs are those of the test. */
function placed(name: string, { directory }: EngineWorld, { url, inventory, office }: Surroundings): string {
  for (const [file, content] of [
    ['chat-url', `${url}/services/T0/secret`],
    ['tickets-token', 'plugh'],
    ['tickets-key', 'xyzzy'],
    ['mail-password', PASSWORD],
  ] as const) {
    writeFileSync(join(directory, file), content, { mode: 0o600 });
  }
  mkdirSync(join(directory, 'metering'));
  const pager = join(directory, 'pager');
  writeFileSync(pager, `#!/bin/sh\necho "$@" >> ${directory}/paged\n`);
  chmodSync(pager, 0o755);
  return withSecretFiles(readFileSync(join(PIPELINES, name), 'utf8'))
    .replaceAll('../tasks/', join(EXAMPLES, 'tasks/'))
    .replaceAll(/(command = \S+alert\.sh .*)$/gm, `$1 ${pager}`)
    .replaceAll('/var/lib/metering/', `${directory}/metering/`)
    .replaceAll('https://tickets.example.com', url)
    .replaceAll('https://inventory.example.org', inventory.url)
    .replaceAll('./host-evacuate.yaml', join(PIPELINES, 'host-evacuate.yaml'))
    .replaceAll('/etc/recovery-agent/', `${directory}/`)
    .replaceAll(/^smtp_port = .*\n/gm, '')
    .replaceAll(/^smtp_host = .*$/gm, `smtp_host = 127.0.0.1\nsmtp_port = ${office.port}\nsmtp_ca_file = ${CA_FILE}`);
}

async function start(name: string, surroundings: Surroundings): Promise<EngineWorld> {
  const here = await EngineWorld.start();
  const methods = join(here.directory, 'methods.conf');
  const configuration = readFileSync(here.configFile, 'utf8');
  writeFileSync(
    here.configFile,
    configuration.replace('[engine]\n', `[engine]\nrecovery_methods_config = ${methods}\n`),
  );
  writeFileSync(methods, placed(name, here, surroundings), { mode: 0o600 });
  here.world.userAddresses.set('alice', 'alice@example.com');
  here.world.kill('c1');
  return here;
}

const examples = readdirSync(PIPELINES).filter((name) => name.endsWith('.conf'));

function pipelinesOf(name: string) {
  return loadConfiguration({ mainFile: join(PIPELINES, name), readFile: readConfigurationFile }).pipelines;
}

function isOfReturn(name: string): boolean {
  return hasTasks(pipelinesOf(name).host_return);
}

/** The tasks of the flow that the example is about. */
function tasksOf(name: string): string[] {
  return placedTasksOf(pipelinesOf(name)[isOfReturn(name) ? 'host_return' : 'host_auto']).map((task) => task.name);
}

/** Waits until a recovery is closed. */
async function closed(here: EngineWorld, uuid: string): Promise<RecoveryView> {
  using client = await here.connect();
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(POLL_MS)) {
    const view = (await client.call('show', { uuid })) as RecoveryView;
    if (view.notification.closed_at !== null) return view;
  }
  throw new Error(`recovery ${uuid} was not closed in time`);
}

/** What happened before the example begins: the host failed, was recovered, and has power again. */
async function failAndComeBack(here: EngineWorld): Promise<void> {
  const engine = await here.engine();
  const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...DOWN);
  expect((await closed(here, uuid)).notification.status).toBe('finished');
  await engine.kill('SIGTERM');
  here.world.comeBack('c1');
}

const cases = examples.flatMap((name) =>
  tasksOf(name).flatMap((task, index) => [
    { name, title: `as ${task} begins`, crashPoint: `task.after-start:${index + 1}` },
    { name, title: `as ${task} has done its work`, crashPoint: `task.after-run:${index + 1}` },
  ]),
);

let receiver: Receiver;
let office: PostOffice;
let inventory: Inventory;
let url = '';

beforeAll(async () => {
  receiver = new Receiver();
  url = await receiver.start();
  office = await PostOffice.start();
  inventory = await Inventory.start();
});
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]();
  await office?.[Symbol.asyncDispose]();
  await inventory?.[Symbol.asyncDispose]();
});

describe.concurrent('an example', { timeout: 240_000 }, () => {
  it.for(cases)('$name whose engine is killed $title is finished by the next one', async ({ name, crashPoint }) => {
    await using here = await start(name, { url, inventory, office });
    const isReturn = isOfReturn(name);
    if (isReturn) await failAndComeBack(here);
    const first = await here.engine([], { environment: { RECOVERY_AGENT_CRASH_POINT: crashPoint } });
    const { notification_uuid: uuid } = await here.json<NotificationView>('notify', ...(isReturn ? UP : DOWN));
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });

    await here.engine();
    const { notification, flows } = await closed(here, uuid);
    expect(notification).toMatchObject({ status: 'finished', message: null });
    expect(flows.map(({ state, tasks }) => [state, ...tasks.map((task) => task.state)])).toEqual([
      ['SUCCESS', ...tasksOf(name).map(() => 'SUCCESS')],
    ]);
    if (tasksOf(name).includes('host_evacuate')) {
      // There the workflow moves the instances; the small Mistral of this world only keeps its executions.
      expect(
        here.world.workflows.executions.map(({ workflowName, state, inputs }) => [workflowName, state, inputs]),
      ).toEqual([['host-evacuate', 'SUCCESS', { search_opts: { host: 'c1' }, on_shared_storage: true }]]);
      return;
    }
    if (tasksOf(name).includes('update_inventory')) expect(inventory.updatesOf(uuid)).toEqual(['down']);
    const atHome = [...here.world.instances.values()].filter(({ host }) => host === 'c1');
    expect(atHome.length).toBe(isReturn ? 4 : 0);
    expect(Object.values(here.world.migrations)).toEqual(isReturn ? [1, 1, 1, 1] : []);
    expect(here.world.counts.duplicates).toBe(0);
    expect(Object.values(here.world.counts.accepted)).toEqual([1, 1, 1, 1]);
  });
});
