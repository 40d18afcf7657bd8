/**
 * A whole engine on a simulated cloud and a simulated clock, with a real journal file, in this process: for tests that are
 * about what the engine does and not about processes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCustomTask } from '#config/custom-tasks.ts';
import { type Configuration, loadConfiguration } from '#config/load.ts';
import { SimulatedClock } from '#engine/clock/simulated.ts';
import { directLink, SimulatedCloud } from '#engine/cloud/simulated/client.ts';
import { type Behaviour, CALM, World } from '#engine/cloud/simulated/world.ts';
import { Journal } from '#engine/journal/journal.ts';
import { Engine } from '#engine/resident/engine.ts';
import { customTask } from '#engine/tasks/custom/custom-task.ts';
import type { LoadDriver } from '#engine/tasks/custom/driver.ts';
import { loadDriver } from '#engine/tasks/custom/drivers.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import type { Log } from '#protocol/log.ts';
import { parseNotification } from '#protocol/notification.ts';
import type { RecoveryView } from '#protocol/views.ts';

export interface WorldSettings {
  readonly seed?: number;
  readonly behaviour?: Partial<Behaviour>;
  /** The text of a configuration file. */
  readonly configuration?: string;
  /** What carries out custom tasks; without it the real drivers. */
  readonly drivers?: LoadDriver;
}

export class RecoveryWorld implements AsyncDisposable {
  readonly clock = new SimulatedClock();
  readonly world: World;
  readonly logged: string[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
  readonly configuration: Configuration;
  readonly #drivers: LoadDriver;
  #engine: Engine | undefined;
  #journal: Journal | undefined;
  #cloud: SimulatedCloud | undefined;

  constructor({ seed = 1, behaviour = {}, configuration = '', drivers = loadDriver }: WorldSettings = {}) {
    this.#drivers = drivers;
    this.world = new World(this.clock, seed, { ...CALM, ...behaviour });
    this.configuration = loadConfiguration({
      mainFile: 'test.conf',
      definitions: { files: [], read: readCustomTask },
      readFile: (path) => (path === 'test.conf' ? { bytes: Buffer.from(configuration), mode: 0o600 } : undefined),
    });
  }

  get journalPath(): string {
    return join(this.directory, 'journal.db');
  }

  get engine(): Engine {
    if (!this.#engine) throw new Error('the engine is not started');
    return this.#engine;
  }

  get cloud(): SimulatedCloud {
    if (!this.#cloud) throw new Error('the engine is not started');
    return this.#cloud;
  }

  async start(node = 'n1'): Promise<Engine> {
    const log: Log = (level, message, fields) =>
      this.logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    const journal = await Journal.openInline(
      {
        path: this.journalPath,
        node,
        allowStorage: ['overlay'],
        lockTimeoutMs: 1000,
        leaseTimeoutMs: 1000,
        confirmDelayMs: 0,
        authority: 'cluster',
      },
      this.clock,
    );
    this.#journal = journal;
    this.#cloud = new SimulatedCloud(directLink(this.world), journal);
    this.#engine = new Engine({
      journal,
      journalPath: this.journalPath,
      cloud: this.#cloud,
      clock: this.clock,
      configuration: this.configuration,
      taskOf: (planned) => customTask(planned, this.#drivers) ?? BUILT_IN_TASKS.get(planned.name),
      log,
      node,
      version: 'test',
    });
    return this.#engine;
  }

  /** COMMITs of the journal so far. */
  async commits(): Promise<number> {
    return (await this.#journal?.commits()) ?? 0;
  }

  /** Reports a host as failed, as a monitor with proof does. Returns the notification's uuid. */
  async hostFails(host: string, payload: Record<string, string> = {}): Promise<string> {
    this.world.kill(host);
    return this.notify({
      type: 'COMPUTE_HOST',
      hostname: host,
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL', ...payload },
    });
  }

  async notify(notification: Record<string, unknown>): Promise<string> {
    const generated_time = new Date(this.clock.now()).toISOString();
    const parsed = parseNotification({ notification: { generated_time, ...notification } });
    const { logbook } = await this.clock.run(this.engine.accept(parsed));
    return logbook.uuid;
  }

  /** Runs the clock until the recovery has one of these states, and shows it. */
  async until(uuid: string, ...states: string[]): Promise<RecoveryView> {
    const wanted = states.length > 0 ? states : ['finished', 'ignored', 'failed'];
    const reached = async (): Promise<RecoveryView> => {
      for (;;) {
        const view = await this.engine.show(uuid);
        if (wanted.includes(view.notification.status)) return view;
        await this.clock.sleep(500);
      }
    };
    return this.clock.run(reached());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#engine) await this.clock.run(this.#engine.stop());
    rmSync(this.directory, { recursive: true, force: true });
  }
}
