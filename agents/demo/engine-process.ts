/** A real engine in a process of its own, as Pacemaker would start it on a node. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NoEngine, RpcClient } from '#protocol/client.ts';
import { isNotInCharge, RpcError } from '#protocol/json-rpc.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const START_TIMEOUT_MS = 30_000;

export interface EnginePlace {
  /** Holds the configuration, the sockets and the logs. */
  readonly directory: string;
  readonly configFile: string;
}

/** Whether a call failed because the engine is not there yet, or does not hold the lease yet. */
export function isComing(error: unknown): boolean {
  return error instanceof NoEngine || (error instanceof RpcError && isNotInCharge(error));
}

export class EngineProcess {
  readonly node: string;
  readonly socket: string;
  readonly logFile: string;
  readonly #child: ChildProcess;

  /** Starts an engine and resolves when it holds the lease and responds. */
  static async start(place: EnginePlace, node: string): Promise<EngineProcess> {
    const engine = new EngineProcess(place, node);
    await engine.answers();
    return engine;
  }

  /** Starts an engine and waits for nothing. What this machine is configured to has no part in it. */
  constructor(
    { directory, configFile }: EnginePlace,
    node: string,
    options: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.node = node;
    this.socket = join(directory, `${node}.sock`);
    this.logFile = join(directory, `${node}.log`);
    const log = openSync(this.logFile, 'a');
    this.#child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--disable-sigusr1',
        MAIN,
        'engine',
        '--config',
        configFile,
        '--node',
        node,
        '--socket',
        this.socket,
        ...options,
      ],
      { stdio: ['ignore', log, log], env: { ...process.env, RECOVERY_AGENT_ROOT: directory, ...environment } },
    );
    closeSync(log);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves with how the process ended. */
  async ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
    if (!this.hasEnded) await new Promise((resolve) => this.#child.once('exit', resolve));
    return { code: this.#child.exitCode, signal: this.#child.signalCode };
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.hasEnded) this.#child.kill(signal);
  }

  /**
   * Resolves when the engine holds the lease and responds. Throws with the end of its log when it ends before, or does not respond in time.
   */
  async answers(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < end) {
      if (this.hasEnded) break;
      try {
        using client = await RpcClient.connect(this.socket);
        await client.call('ping');
        return;
      } catch (error) {
        if (!isComing(error)) throw error;
      }
      await delay(20);
    }
    this.kill('SIGKILL');
    throw new Error(`the engine on ${this.node} did not start:\n${this.lastWords()}`);
  }

  lastWords(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-10).join('\n');
  }
}
