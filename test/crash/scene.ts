/**
 * One cloud that survives, one journal, and engines in processes of their own that come and go: each on a node of its own.
 * Every process that a scene started is dead when the scene is disposed of.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineProcess, isComing } from '#agents/demo/engine-process.ts';
import { type Call, WorldServer } from '#engine/cloud/simulated/server.ts';
import { type Behaviour, CALM, World } from '#engine/cloud/simulated/world.ts';
import { RpcClient } from '#protocol/client.ts';
import type { NotificationView, RecoveryView, StatusView } from '#protocol/views.ts';

/** Upper bound of every wait for an engine: far more than it takes, since the machine may be busy. */
const LIMIT_MS = 60_000;
const POLL_MS = 15;

export interface SceneSettings {
  readonly seed?: number;
  readonly behaviour?: Partial<Behaviour>;
  /** Options by section, over those that make a recovery quick. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

export interface LaunchOptions {
  /** `name` or `name:passage`, see engine/crash-points.ts. */
  readonly crashPoint?: string;
  /** As the cluster starts it after fencing the node of the engine before. */
  readonly takeOver?: 'yes';
  /** Where it finds the cloud, if not where all others do. */
  readonly configFile?: string;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const QUICK = {
  DEFAULT: { verify_interval: 0.05, process_unfinished_notifications_interval: 1 },
  host_failure: { evacuation_queue_wait: 0.3, max_evacuations_in_flight: 3 },
};

/** Node's compile cache of the engine's modules, for all engines of a test file: halves what a start costs. */
let compileCache: string | undefined;

export class Scene implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-crash-'));
  readonly world: World;
  /** Every call that reached the cloud through its common socket. */
  readonly calls: Call[] = [];
  readonly engines: EngineProcess[] = [];
  readonly #options: NonNullable<SceneSettings['options']>;
  readonly #servers: WorldServer[] = [];

  static async open(settings: SceneSettings = {}): Promise<Scene> {
    const scene = new Scene(settings);
    await scene.serveCloud('cloud', (call) => scene.calls.push(call));
    return scene;
  }

  /**
   * Runs an engine once in good order, which fills the compile cache: an engine that is killed writes nothing there.
   * Returns what removes the cache, as `beforeAll` takes it.
   */
  static async warmUp(): Promise<() => void> {
    const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-compiled-'));
    compileCache = directory;
    await using scene = await Scene.open();
    const engine = scene.launch();
    await engine.answers();
    await scene.stop(engine);
    return () => rmSync(directory, { recursive: true, force: true });
  }

  private constructor({ seed = 1, behaviour = {}, options = {} }: SceneSettings) {
    const quick = { rebuildMs: [50, 150], powerMs: 30 } as const;
    this.world = new World({ now: () => Date.now() }, seed, { ...CALM, ...quick, ...behaviour });
    this.#options = options;
  }

  get journalPath(): string {
    return join(this.directory, 'journal.db');
  }

  /** Serves the world on one more socket. Returns the configuration file that leads there. */
  async serveCloud(name: string, observe: (call: Call) => void): Promise<string> {
    const address = join(this.directory, `${name}.sock`);
    this.#servers.push(await WorldServer.start(this.world, address, observe));
    const sections: Record<string, Record<string, string | number>> = {
      journal: { path: this.journalPath },
      cloud: { driver: 'simulated', simulated_address: address },
    };
    const quick: [string, Readonly<Record<string, string | number>>][] = Object.entries(QUICK);
    for (const [section, options] of [...quick, ...Object.entries(this.#options)]) {
      sections[section] = { ...sections[section], ...options };
    }
    const file = join(this.directory, `${name}.conf`);
    const lines = Object.entries(sections).flatMap(([section, options]) => [
      `[${section}]`,
      ...Object.entries(options).map(([option, value]) => `${option} = ${value}`),
    ]);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    return file;
  }

  /** Starts an engine on the next node and waits for nothing. */
  launch({ crashPoint, takeOver, configFile }: LaunchOptions = {}): EngineProcess {
    const engine = new EngineProcess(
      { directory: this.directory, configFile: configFile ?? join(this.directory, 'cloud.conf') },
      `node-${this.engines.length + 1}`,
      takeOver ? ['--take-over'] : [],
      {
        ...(compileCache ? { NODE_COMPILE_CACHE: compileCache } : {}),
        ...(crashPoint ? { RECOVERY_AGENT_CRASH_POINT: crashPoint } : {}),
      },
    );
    this.engines.push(engine);
    return engine;
  }

  /** Reports as a monitor does: again and again until it is acknowledged. Returns null when the engine ends before. */
  async report(engine: EngineProcess, notification: object): Promise<NotificationView | null> {
    const body = { notification };
    return this.#query(engine, async (client) => (await client.call('notify', body)) as NotificationView);
  }

  /** Waits until the recovery is closed; throws when the engine ends before. */
  async closed(engine: EngineProcess, uuid: string): Promise<RecoveryView> {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(POLL_MS)) {
      const view = await this.#query(engine, async (client) => (await client.call('show', { uuid })) as RecoveryView);
      if (!view) throw new Error(`the engine on ${engine.node} ended:\n${engine.lastWords()}`);
      if (view.notification.closed_at !== null) return view;
    }
    throw new Error(`recovery ${uuid} was not closed in time:\n${engine.lastWords()}`);
  }

  /** Waits until the engine has resumed or started a flow; returns at once when there is nothing to recover. */
  async atWork(engine: EngineProcess): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(POLL_MS)) {
      if (/flow (is resumed|begins)/.test(readFileSync(engine.logFile, 'utf8'))) return;
      const status = await this.#query(engine, async (client) => (await client.call('status')) as StatusView);
      if (!status) throw new Error(`the engine on ${engine.node} ended:\n${engine.lastWords()}`);
      if (status.open.length === 0) return;
    }
    throw new Error(`the engine on ${engine.node} resumes nothing:\n${engine.lastWords()}`);
  }

  /** Waits for the end of an engine. */
  async ended(engine: EngineProcess): Promise<Ending> {
    const over = new AbortController();
    const late = delay(LIMIT_MS, 'late' as const, { signal: over.signal }).catch(() => 'late' as const);
    const ending = await Promise.race([engine.ended(), late]);
    over.abort();
    if (ending === 'late') throw new Error(`the engine on ${engine.node} does not end:\n${engine.lastWords()}`);
    return ending;
  }

  /** Stops an engine in order. */
  async stop(engine: EngineProcess): Promise<void> {
    engine.kill('SIGTERM');
    const { code, signal } = await this.ended(engine);
    if (code !== 0) throw new Error(`stopped in order, it ended with ${code ?? signal}:\n${engine.lastWords()}`);
  }

  async #query<T>(engine: EngineProcess, query: (client: RpcClient) => Promise<T>): Promise<T | null> {
    for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(POLL_MS)) {
      if (engine.hasEnded) return null;
      try {
        using client = await RpcClient.connect(engine.socket);
        return await query(client);
      } catch (error) {
        if (!isComing(error)) throw error;
      }
    }
    throw new Error(`the engine on ${engine.node} does not answer:\n${engine.lastWords()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const engine of this.engines) engine.kill('SIGKILL');
    await Promise.all(this.engines.map((engine) => engine.ended()));
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
