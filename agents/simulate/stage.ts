/**
 * Engines, one after the other, on one simulated cloud and with one real journal, in this process: the base of `simulate` and
 * of the tests of the engine.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '#config/configuration.ts';
import type { Call } from '#engine/cloud/simulated/calls.ts';
import { directLink, type Link, SimulatedCloud } from '#engine/cloud/simulated/client.ts';
import { type Behaviour, CALM, World } from '#engine/cloud/simulated/world.ts';
import type { PlannedTask } from '#engine/flow/plan.ts';
import type { Task } from '#engine/flow/task.ts';
import { Journal } from '#engine/journal/journal.ts';
import type { RunProof } from '#engine/recovery/proof-checks.ts';
import type { FencingCheck } from '#engine/service/acceptance.ts';
import { Engine } from '#engine/service/engine.ts';
import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { parseNotification } from '#protocol/notification.ts';
import { makeTemporaryDirectory } from '../temporary-directory.ts';
import { Life } from './life.ts';

/** Simulated time moves while something runs in it; real time moves anyway. */
export interface DrivenClock extends Clock {
  run<T>(work: Promise<T>): Promise<T>;
}

export interface StageSettings<C extends DrivenClock> {
  readonly clock: C;
  readonly seed: number;
  readonly behaviour?: Partial<Behaviour>;
  readonly configuration: Configuration;
  /** The task of a plan for the engine with this life. */
  readonly taskOf: (planned: PlannedTask, life: Life) => Task | undefined;
  /** The log of the engine on this node. */
  readonly logOf: (node: string) => Log;
  /** Receives each call of the engine on this node that reached the cloud, after its effect. */
  readonly onCall?: (call: Call, node: string) => void;
  /** The second witness of a fencing; without it a report is enough. */
  readonly checkFencing?: FencingCheck;
  /** Runs the programs that prove deaths; without it none runs. */
  readonly runProof?: RunProof;
}

export class Stage<C extends DrivenClock = DrivenClock> implements AsyncDisposable {
  readonly clock: C;
  readonly world: World;
  readonly configuration: Configuration;
  /** Folder of the journal; removed at the end. */
  readonly directory: string;
  /** How far the wall clock of the engine's node is ahead of the cloud's and the monitors', ms; may change while it runs. */
  skewMs = 0;
  readonly #settings: StageSettings<C>;
  readonly #journals: Journal[] = [];
  #engine: Engine | undefined;
  #cloud: SimulatedCloud | undefined;
  #life = new Life();

  constructor(settings: StageSettings<C>) {
    this.#settings = settings;
    this.directory = makeTemporaryDirectory('recovery-agent-simulation-', 'short');
    this.clock = settings.clock;
    this.configuration = settings.configuration;
    this.world = new World(settings.clock, settings.seed, { ...CALM, ...settings.behaviour });
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

  /** Of the last engine. */
  get journal(): Journal {
    const journal = this.#journals.at(-1);
    if (!journal) throw new Error('the engine is not started');
    return journal;
  }

  get life(): Life {
    return this.#life;
  }

  /** Starts an engine, as the cluster does if none runs: the one before is dead or stopped. */
  async start(node = 'n1'): Promise<Engine> {
    const { configuration, taskOf, logOf, onCall, checkFencing, runProof } = this.#settings;
    const clock = this.#nodeClock();
    const life = new Life();
    const journal = await Journal.openInline(
      {
        path: this.journalPath,
        node,
        // What would be a risk for two nodes is none for one process.
        allowStorage: ['overlay', 'fuse', 'network-unknown', 'nolock', 'nfs3', 'cifs', 'ocfs2-o2cb'],
        lockTimeoutMs: 1000,
        leaseTimeoutMs: 1000,
        confirmDelayMs: 0,
        authority: 'cluster',
      },
      clock,
    );
    this.#journals.push(journal);
    this.#life = life;
    const link = this.#slow(directLink(this.world, (call) => onCall?.(call, node)));
    this.#cloud = new SimulatedCloud(life.link(link), journal);
    this.#engine = new Engine({
      journal,
      journalPath: this.journalPath,
      cloud: this.#cloud,
      clock: life.clock(clock),
      configuration,
      taskOf: (planned) => taskOf(planned, life),
      log: logOf(node),
      node,
      version: 'simulation',
      ...(checkFencing ? { checkFencing } : {}),
      ...(runProof ? { runProof } : {}),
    });
    return this.#engine;
  }

  /** Responses take the time that the behaviour of the cloud sets. */
  #slow(link: Link): Link {
    return {
      ...link,
      call: async (...request) => {
        const response = await link.call(...request);
        const { responseMs } = this.world.behaviour;
        if (responseMs > 0) await this.clock.sleep(responseMs);
        return response;
      },
    };
  }

  #nodeClock(): Clock {
    const { clock } = this.#settings;
    return {
      now: () => clock.now() + this.skewMs,
      boottime: () => clock.boottime(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
  }

  /** Reports a failure. Returns the notification's uuid. */
  async notify(notification: Readonly<Record<string, unknown>>): Promise<string> {
    const generated_time = new Date(this.clock.now()).toISOString();
    const parsed = parseNotification({ notification: { generated_time, ...notification } });
    const { logbook } = await this.clock.run(this.engine.accept(parsed));
    return logbook.uuid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#engine && !this.#life.isDead) await this.clock.run(this.#engine.stop());
    // Engines that died have lost their lease; their files are only still open.
    await Promise.allSettled(this.#journals.map((journal) => journal.close()));
    // A dead engine may still be at its status file.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}
