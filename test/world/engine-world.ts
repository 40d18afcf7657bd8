/**
 * Real engine processes on a simulated cloud in real time, in a directory of their own, and the real program as their client:
 * for tests of processes, sockets and exit codes. Everything is started through the launcher.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorldServer } from '#engine/cloud/simulated/server.ts';
import { type Behaviour, CALM, World } from '#engine/cloud/simulated/world.ts';
import { RpcClient } from '#protocol/client.ts';

export const LAUNCHER = fileURLToPath(new URL('../../agents/recovery-agent', import.meta.url));
const LIMIT_MS = 25_000;

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A running program of ours; its output is kept. */
export class Program {
  readonly ended: Promise<Finished>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  stdout = '';
  stderr = '';

  constructor(argv: readonly string[], { input, environment, cwd }: RunOptions = {}, command: string = LAUNCHER) {
    // What this machine's user has set must not decide a test.
    const { NO_COLOR: _, FORCE_COLOR: __, JOURNAL_STREAM: ___, ...inherited } = process.env;
    const clean = Object.fromEntries(Object.entries(inherited).filter(([name]) => !name.startsWith('OS_')));
    this.#child = spawn(command, argv, { cwd, env: { ...clean, ...environment } });
    this.#child.stdin?.on('error', () => {});
    this.#child.stdin?.end(input ?? '');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#receive('stdout', text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#receive('stderr', text));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), LIMIT_MS * 2);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        clearTimeout(timer);
        this.#receive('stderr', '');
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async kill(signal: NodeJS.Signals): Promise<Finished> {
    if (!this.hasEnded) this.#child.kill(signal);
    return this.ended;
  }

  /** Resolves when stderr contains the text. Throws when the program ends or takes too long instead. */
  async untilLogged(text: string | RegExp): Promise<void> {
    const isLogged = (): boolean => (typeof text === 'string' ? this.stderr.includes(text) : text.test(this.stderr));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => done(new Error(`without output of ${text}:\n${this.stderr}`)), LIMIT_MS);
      const read = (): void => {
        if (isLogged()) done();
        else if (this.hasEnded) done(new Error(`ended without output of ${text}:\n${this.stderr}`));
      };
      const done = (error?: Error): void => {
        clearTimeout(timer);
        this.#listeners.delete(read);
        if (error) reject(error);
        else resolve();
      };
      this.#listeners.add(read);
      read();
    });
  }

  #receive(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    for (const listener of this.#listeners) listener();
  }
}

export interface EngineWorldSettings {
  readonly behaviour?: Partial<Behaviour>;
  /** Lines of section DEFAULT. */
  readonly configuration?: string;
  /** Further lines of section engine. */
  readonly engine?: string;
  /** Section cloud, in place of the simulated one. */
  readonly cloud?: string;
}

export class EngineWorld implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-test-'));
  readonly configFile = join(this.directory, 'recovery-agent.conf');
  readonly journal = join(this.directory, 'journal.db');
  readonly socket = join(this.directory, 'engine.sock');
  readonly world: World;
  readonly #programs: Program[] = [];
  #server: WorldServer | undefined;

  /** Three hosts; `c1` holds three running instances and a stopped one. */
  static async start(settings: EngineWorldSettings = {}): Promise<EngineWorld> {
    const here = new EngineWorld(settings);
    here.#server = await WorldServer.start(here.world, join(here.directory, 'cloud.sock'));
    return here;
  }

  private constructor({ behaviour = {}, configuration = '', engine = '', cloud }: EngineWorldSettings) {
    const quick: Behaviour = {
      ...CALM,
      rebuildMs: [50, 200],
      powerMs: 50,
      migrationMs: [50, 200],
      computeStartMs: 100,
      ...behaviour,
    };
    this.world = new World({ now: () => Date.now() }, 11, quick);
    for (const host of ['c1', 'c2', 'c3']) this.world.addHost(host);
    for (const vmState of ['active', 'active', 'active', 'stopped'] as const) this.world.addInstance('c1', { vmState });
    const lines = [
      `[journal]\npath = ${this.journal}`,
      `[engine]\nsocket = ${this.socket}\nnode = controller-1\n${engine}`,
      `[cloud]\n${cloud ?? `driver = simulated\nsimulated_address = ${join(this.directory, 'cloud.sock')}`}`,
      `[host_failure]\nevacuation_queue_wait = 1\nevacuation_retries = 0`,
      `[DEFAULT]\nverify_interval = 0.05\n${configuration}\n`,
    ];
    writeFileSync(this.configFile, lines.join('\n'), { mode: 0o600 });
  }

  /** Starts an engine and resolves when it responds. */
  async engine(argv: readonly string[] = [], options: RunOptions = {}): Promise<Program> {
    const engine = this.begin(['engine', ...argv], options);
    await engine.untilLogged('engine serves');
    return engine;
  }

  /** Starts the program with this world's configuration. */
  begin([command = '', ...argv]: readonly string[], options: RunOptions = {}): Program {
    const program = new Program([command, '--config', this.configFile, ...argv], options);
    this.#programs.push(program);
    return program;
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.begin(argv, options).ended;
  }

  /** What a command prints with `--json`. */
  async json<T>(...argv: string[]): Promise<T> {
    const { stdout, stderr } = await this.run([...argv, '--json']);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as T;
  }

  connect(onNotification?: (method: string, params: unknown) => void): Promise<RpcClient> {
    return RpcClient.connect(this.socket, onNotification ? { onNotification } : {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill('SIGKILL')));
    await this.#server?.[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
