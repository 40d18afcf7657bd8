/**
 * One node as an action of the agent finds it: an own mount and pid namespace, with the files of one resource in one folder.
 *
 * Invariant: nothing that runs or is mounted in it outlives `close` or the test's process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Executed, execute, PATH } from '../execute.ts';

export type Environment = Readonly<Record<string, string>>;

export interface ResourcePaths {
  readonly config: string;
  readonly journal: string;
  readonly socket: string;
  readonly pidfile: string;
  readonly logfile: string;
}

export interface LivingProcess {
  /** As this machine numbers it. */
  readonly pid: number;
  /** As the namespace numbers it. */
  readonly innerPid: number;
  readonly argv: readonly string[];
}

/** The first process: holds the namespaces, reaps orphans as bash does and dash does not, and ends with its standard input. */
const INIT = 'echo ready; read -r _';
const ACTION_TIMEOUT_MS = 60_000;

/** Settings of an engine without a cloud: it starts, and has nothing to recover. */
export const CONFIGURATION = '[cloud]\ndriver = simulated\nsimulated_address = /nonexistent/cloud.sock\n';

export class Place {
  readonly directory: string;
  readonly paths: ResourcePaths;
  /** By its place below resource.d, as the cluster runs it. A name of its own for the executable, so that a fault may replace it. */
  readonly agent: string;
  readonly #executable: string;
  readonly #client: ChildProcess;
  readonly #init: number;

  private constructor(directory: string, executable: string, client: ChildProcess, init: number) {
    this.directory = directory;
    this.#executable = executable;
    this.agent = join(directory, 'resource.d/recovery-agent');
    mkdirSync(join(directory, 'resource.d'));
    symlinkSync('../recovery-agent', this.agent);
    linkSync(executable, join(directory, 'recovery-agent'));
    this.#client = client;
    this.#init = init;
    this.paths = {
      config: join(directory, 'etc/engine.conf'),
      journal: join(directory, 'storage/journal.db'),
      socket: join(directory, 'run/engine.sock'),
      pidfile: join(directory, 'run/engine.pid'),
      logfile: join(directory, 'log/engine.log'),
    };
  }

  /** @param executable on the file system of temporary files */
  static async open(executable: string): Promise<Place> {
    const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-place-'));
    for (const folder of ['etc', 'run', 'log', 'storage']) mkdirSync(join(directory, folder));
    writeFileSync(join(directory, 'etc/engine.conf'), CONFIGURATION, { mode: 0o600 });
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', '--propagation', 'private'];
    const client = spawn('unshare', [...namespaces, 'bash', '--norc', '-c', INIT], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH },
    });
    await Promise.race([once(client.stdout, 'data'), once(client, 'close')]);
    const children = readFileSync(`/proc/${client.pid}/task/${client.pid}/children`, 'utf8').trim();
    if (children === '') throw new Error('unshare: no namespaces were made; the lab needs root');
    return new Place(directory, executable, client, Number(children.split(' ')[0]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#client, 'close');
    this.#client.kill('SIGKILL');
    await closed;
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** As an upgrade of the package does: what runs keeps a file without a name. */
  replaceExecutable(): void {
    rmSync(this.path('recovery-agent'));
    linkSync(this.#executable, this.path('recovery-agent'));
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /** Runs a program in the namespaces; `env` is its whole environment. */
  async run(argv: readonly string[], env: Environment = { PATH }): Promise<Executed> {
    const enter = ['/usr/bin/nsenter', `--target=${this.#init}`, '--mount', '--pid'];
    return await execute([...enter, ...argv], { env: { ...env }, timeoutMs: ACTION_TIMEOUT_MS });
  }

  /** Like `run`. Throws when the program fails. */
  async must(...argv: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(argv);
    if (status !== 0) throw new Error(`${argv.join(' ')}: exit code ${status}: ${stderr}`);
    return stdout;
  }

  /** Begins a program that stays. Resolves when it runs. */
  async begin(...argv: readonly string[]): Promise<LivingProcess> {
    const before = new Set(this.processes().map(({ pid }) => pid));
    await this.must('sh', '-c', 'exec setsid --fork "$@" < /dev/null > /dev/null 2>&1', 'begin', ...argv);
    for (;;) {
      const found = this.processes().find(({ pid, argv: [file] }) => !before.has(pid) && file === argv[0]);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What lives in the namespaces besides the first process; a zombie does not. */
  processes(): readonly LivingProcess[] {
    const namespace = readlinkSync(`/proc/${this.#init}/ns/pid`);
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== this.#init)
      .flatMap((entry) => processOf(Number(entry), namespace) ?? []);
  }

  /** Engines of whichever resource. */
  engines(): readonly LivingProcess[] {
    return this.processes().filter(({ argv }) => argv.includes('engine'));
  }
}

function processOf(pid: number, namespace: string): LivingProcess | undefined {
  try {
    if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return undefined;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    if (/^State:\s+[ZX]/m.test(status)) return undefined;
    const inner = /^NSpid:.*\s(\d+)$/m.exec(status)?.[1];
    return { pid, innerPid: Number(inner), argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
