/**
 * `npm start`: the main job on a simulated cloud, with real engines in processes of their own and a real journal. A host
 * fails, the engine is killed during the recovery, another one takes over, and nothing is lost or done twice.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WorldServer } from '#engine/cloud/simulated/server.ts';
import { RpcClient } from '#protocol/client.ts';
import type { NotificationView, RecoveryView, WatchNotice } from '#protocol/views.ts';
import { describeRecovery } from '../commands/show.ts';
import { isCommandFailure } from '../exit-codes.ts';
import { makeTemporaryDirectory } from '../temporary-directory.ts';
import { buildCloud, type DemoCloud, FAILING_HOST } from './cloud.ts';
import { EngineProcess } from './engine-process.ts';
import { Story } from './story.ts';

const SEED = 7;
const LIMIT_MS = 60_000;
const isJson = process.argv.includes('--json');
const story = new Story(isJson ? process.stderr : process.stdout);

interface Outcome {
  readonly instances: number;
  readonly recovered: number;
  readonly failed: number;
  readonly engine_kills: number;
  readonly takeovers: number;
  readonly duplicate_evacuations: number;
  readonly lost: number;
  readonly seconds: number;
  readonly journal: string;
}

/** Follows a recovery on one engine until it is closed, the engine is gone, or `stopAt` instances have moved. */
async function follow(engine: EngineProcess, uuid: string, stopAt: number): Promise<void> {
  const stop = Promise.withResolvers<void>();
  const onNotification = (_: string, params: unknown): void => {
    const notice = params as WatchNotice;
    if (notice.kind === 'event')
      story.quiet(`  ${notice.message.length > 110 ? `${notice.message.slice(0, 107)}…` : notice.message}`);
    if (notice.kind === 'instances') {
      story.progress(notice.moved, notice.total, engine.node);
      if (notice.moved >= stopAt) stop.resolve();
    }
    if (notice.kind === 'status' && notice.status !== 'running') stop.resolve();
  };
  using client = await RpcClient.connect(engine.socket, { onNotification });
  const { notification } = (await client.call('watch', { uuid })) as RecoveryView;
  if (notification.closed_at !== null) return;
  await Promise.race([stop.promise, client.closed, delay(LIMIT_MS, undefined, { ref: false })]);
}

async function print(directory: string, cloud: DemoCloud, engines: EngineProcess[]): Promise<Outcome> {
  const startedAt = performance.now();
  const journal = join(directory, 'journal.db');
  const configFile = join(directory, 'recovery-agent.conf');
  const cloudSocket = join(directory, 'cloud.sock');
  writeFileSync(
    configFile,
    [
      '# Written by npm start.',
      '[journal]',
      `path = ${journal}`,
      '[cloud]',
      'driver = simulated',
      `simulated_address = ${cloudSocket}`,
      '[host_failure]',
      'max_evacuations_in_flight = 5',
      'evacuation_queue_wait = 2',
      '[DEFAULT]',
      'verify_interval = 0.25',
      '',
    ].join('\n'),
    // An engine accepts no file that others can write to, under any umask.
    { mode: 0o600, flag: 'wx' },
  );
  await using _cloudServer = await WorldServer.start(cloud.world, cloudSocket);
  const place = { directory, configFile };

  story.heading('A cloud of 4 hosts; 24 instances, running, stopped, paused, in error, live on compute-1.');
  const first = await EngineProcess.start(place, 'controller-1');
  engines.push(first);
  story.print(`The engine runs on controller-1 (pid ${first.pid}), its journal is on shared storage.`);

  story.alarm('\ncompute-1 loses power. A monitor has proof that it is dead and reports it.');
  cloud.world.kill(FAILING_HOST);
  const body = {
    notification: {
      type: 'COMPUTE_HOST',
      hostname: FAILING_HOST,
      generated_time: new Date().toISOString(),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    },
  };
  using client = await RpcClient.connect(first.socket);
  const { notification_uuid: uuid } = (await client.call('notify', body)) as NotificationView;
  await follow(first, uuid, Math.floor(cloud.total / 3));
  story.endProgress();

  story.alarm('\nkill -9: the engine on controller-1 is dead during the recovery.');
  first.kill('SIGKILL');
  await first.ended();
  const second = await EngineProcess.start(place, 'controller-2');
  engines.push(second);
  story.print(`The engine on controller-2 (pid ${second.pid}) takes the journal over and resumes the recovery.`);
  await follow(second, uuid, Number.POSITIVE_INFINITY);
  story.endProgress();

  using requested = await RpcClient.connect(second.socket);
  const recovery = (await requested.call('show', { uuid })) as RecoveryView;
  second.kill('SIGTERM');
  await second.ended();
  story.heading('The journal');
  story.print(describeRecovery(recovery));

  const isMoved = new Set(
    recovery.flows.flatMap(({ instances }) =>
      instances.filter(({ state }) => state === 'moved').map((one) => one.instance_uuid),
    ),
  );
  // The cloud's own truth and the journal must agree: the smaller number counts.
  const recovered = Math.min(cloud.recovered(), isMoved.size);
  const failed = cloud.failed();
  return {
    instances: cloud.total,
    recovered,
    failed,
    engine_kills: 1,
    takeovers: recovery.flows.reduce((sum, { resumes }) => sum + resumes, 0),
    duplicate_evacuations: cloud.duplicateEvacuations(),
    lost: cloud.total - recovered - failed,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    journal,
  };
}

const engines: EngineProcess[] = [];
try {
  const directory = makeTemporaryDirectory('recovery-agent-demo-');
  const cloud = buildCloud(SEED);
  const outcome = await print(directory, cloud, engines);
  const { instances, recovered, failed, takeovers, duplicate_evacuations, lost, seconds, journal } = outcome;
  const isGood =
    recovered === instances && failed === 0 && takeovers === 1 && duplicate_evacuations === 0 && lost === 0;
  if (isJson) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  story.heading(
    `${recovered} of ${instances} instances recovered in ${seconds} s; engine killed once, taken over ${takeovers} time, ` +
      `${duplicate_evacuations} duplicate evacuations, ${lost} lost.`,
  );
  story.print(`\nThe journal: ${journal}`);
  story.print(`Show it:     npx recovery-agent list --config ${join(directory, 'recovery-agent.conf')}`);
  story.print(`             npx recovery-agent show UUID --config ${join(directory, 'recovery-agent.conf')}`);
  process.exitCode = isGood ? 0 : 1;
} catch (error) {
  const isClear = isCommandFailure(error);
  const reason = error instanceof Error ? (isClear ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`npm start failed: ${reason}\n`);
  process.exitCode = 1;
} finally {
  for (const engine of engines) engine.kill('SIGKILL');
}
