import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineProcess } from '#agents/demo/engine-process.ts';
import type { CrashPoint } from '#engine/crash-points.ts';
import { RpcClient } from '#protocol/client.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationView, RecoveryView } from '#protocol/views.ts';
import { waitUntil } from '../waiting.ts';

/** Upper bound for one recovery in a lab, in seconds. */
const RECOVERY_SECONDS = 180;

export interface EngineOptions {
  /** Further sections of the configuration file. */
  readonly configuration?: string;
  /** The text of the file with the task lists; without it the built-in ones. */
  readonly methods?: string;
  /** Another clouds.yaml with a cloud `lab`. */
  readonly cloudsYaml?: string;
  /** The engine ends as by SIGKILL when it comes there (`engine/crash-points.ts`). */
  readonly crashPoint?: CrashPoint;
  /** At which passage of that point; default the first. */
  readonly passage?: number;
}

/** The engines of one test, each a process of its own as on a node of its own, with one journal and the lab's cloud. */
export class LabEngines {
  /** Holds the journal, configurations and logs. */
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-lab-'));
  readonly #cloudsYaml: string;
  readonly #started: EngineProcess[] = [];

  constructor(cloudsYaml: string) {
    this.#cloudsYaml = cloudsYaml;
  }

  get journalFile(): string {
    return join(this.directory, 'journal.db');
  }

  /** Resolves when it holds the lease and responds. */
  async start(node: string, options: EngineOptions = {}): Promise<EngineProcess> {
    const { configuration = '', methods, cloudsYaml = this.#cloudsYaml, crashPoint, passage = 1 } = options;
    const configFile = join(this.directory, `${node}.conf`);
    const sections = [
      `[journal]\npath = ${this.journalFile}\nconfirm_delay = 0`,
      `[cloud]\ncloud = lab\nclouds_file = ${cloudsYaml}`,
    ];
    if (methods !== undefined) {
      const file = join(this.directory, 'methods.conf');
      writeFileSync(file, methods, { mode: 0o600 });
      sections.push(`[engine]\nrecovery_methods_config = ${file}`);
    }
    writeFileSync(configFile, `${sections.join('\n')}\n${configuration}`, { mode: 0o600 });
    const place = { directory: this.directory, configFile };
    const environment = crashPoint === undefined ? {} : { RECOVERY_AGENT_CRASH_POINT: `${crashPoint}:${passage}` };
    const engine = new EngineProcess(place, node, [], environment);
    this.#started.push(engine);
    await engine.answers();
    if (crashPoint === undefined) await rightsTried(engine);
    return engine;
  }

  async end(): Promise<void> {
    for (const engine of this.#started) engine.kill('SIGKILL');
    await Promise.all(this.#started.map((engine) => engine.ended()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  deleteFiles(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Its calls are those of recoveries from then on: an engine whose cloud did not respond checks its rights again a minute later. */
async function rightsTried(engine: EngineProcess): Promise<void> {
  await waitUntil({ what: `the engine on ${engine.node} to try its rights`, seconds: 180, everyMs: 50 }, () =>
    / rights tried .*(allowed|refused)=[1-9]/.test(readFileSync(engine.logFile, 'utf8')) ? true : undefined,
  );
}

/** The uuid of the notification. */
export async function notify(
  engine: EngineProcess,
  notification: Record<string, unknown>,
  proof: ReportedProof = 'none',
): Promise<string> {
  using client = await RpcClient.connect(engine.socket);
  const body = { notification: { generated_time: new Date().toISOString(), ...notification }, proof };
  return ((await client.call('notify', body)) as NotificationView).notification_uuid;
}

/** With the proof that a host monitor gives after fencing: without it the engine reads a host that Nova still shows `up` again, 25 s later. */
export function hostFailed(engine: EngineProcess, hostname: string): Promise<string> {
  const payload = { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' };
  return notify(engine, { type: 'COMPUTE_HOST', hostname, payload }, 'fencing');
}

export function hostReturned(engine: EngineProcess, hostname: string): Promise<string> {
  const payload = { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' };
  return notify(engine, { type: 'COMPUTE_HOST', hostname, payload });
}

export function instanceFailed(engine: EngineProcess, hostname: string, uuid: string): Promise<string> {
  const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
  return notify(engine, { type: 'VM', hostname, payload });
}

export function processFailed(engine: EngineProcess, hostname: string): Promise<string> {
  const payload = { event: 'STOPPED', process_name: 'nova-compute' };
  return notify(engine, { type: 'PROCESS', hostname, payload });
}

/** Polls the recovery until it is as wanted. */
export async function untilRecovery(
  engine: EngineProcess,
  uuid: string,
  wanted: (view: RecoveryView) => boolean,
  seconds = RECOVERY_SECONDS,
): Promise<RecoveryView> {
  using client = await RpcClient.connect(engine.socket);
  return await waitUntil({ what: `recovery ${uuid}`, seconds, everyMs: 200 }, async () => {
    const view = (await client.call('show', { uuid })) as RecoveryView;
    return wanted(view) ? view : undefined;
  });
}

export const isOver = ({ notification }: RecoveryView): boolean => !['new', 'running'].includes(notification.status);

/** The messages of all its flows. */
export const linesOf = ({ flows }: RecoveryView): string[] =>
  flows.flatMap(({ events }) => events.map(({ message }) => message));
