/** A resource of the cluster on this machine: the agent is called as Pacemaker calls it, its engines are real processes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, type ProcessName, readProcessFile } from '#protocol/process-file.ts';
import { type Finished, Program } from './engine-world.ts';

const AGENT = fileURLToPath(new URL('./act-as-agent.ts', import.meta.url));

/** A folder with a configuration; its cloud is never reached. */
export class ResourcePlace implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'recovery-agent-resource-'));
  readonly config = this.path('engine.conf');
  readonly #resources: TestResource[] = [];

  constructor() {
    const address = this.path('cloud.sock');
    writeFileSync(this.config, `[cloud]\ndriver = simulated\nsimulated_address = ${address}\n`, { mode: 0o600 });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** @param files of its own under /run; the journal is that of the place unless `parameters` names another */
  resource(name: string, files: string, parameters: Readonly<Record<string, string>> = {}): TestResource {
    const resource = new TestResource(name, {
      config: this.config,
      journal: this.path('journal.db'),
      socket: this.path(`${files}.sock`),
      pidfile: this.path(`${files}.pid`),
      logfile: this.path(`${files}.log`),
      ...parameters,
    });
    this.#resources.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources) resource.killEngine();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export class TestResource {
  readonly parameters: Readonly<Record<string, string>>;
  readonly #name: string;
  readonly #started: ProcessName[] = [];

  constructor(name: string, parameters: Readonly<Record<string, string>>) {
    this.#name = name;
    this.parameters = parameters;
  }

  /** One action. @param changed parameters that are others than at the start, or variables by their whole name */
  async act(action: string, changed: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const variables = Object.entries({ ...this.parameters, ...changed }).map(([name, value]) => [
      name.startsWith('OCF_') ? name : `OCF_RESKEY_${name}`,
      value,
    ]);
    const environment = {
      OCF_RESOURCE_INSTANCE: this.#name,
      OCF_RESKEY_CRM_meta_timeout: '40000',
      ...Object.fromEntries(variables),
    };
    const argv = ['--disable-warning=ExperimentalWarning', AGENT, action];
    const ended = await new Program(argv, { environment }, process.execPath).ended;
    const { pidfile = '' } = this.parameters;
    const name = readProcessFile(pidfile);
    if (name && !this.#started.some(({ pid }) => pid === name.pid)) this.#started.push(name);
    return ended;
  }

  /** The engine that was started last. */
  get engine(): ProcessName {
    const last = this.#started.at(-1);
    if (!last) throw new Error('no engine was started');
    return last;
  }

  get isRunning(): boolean {
    return isAlive(this.engine);
  }

  /** What the log has. */
  log(): string {
    return readFileSync(this.parameters.logfile ?? '', 'utf8');
  }

  killEngine(): void {
    for (const name of this.#started) if (isAlive(name)) process.kill(name.pid, 'SIGKILL');
  }
}

/** The reasons that an action gave, as the cluster reads them. */
export function reasonsOf({ stderr }: Finished): readonly string[] {
  return [...stderr.matchAll(/^ocf-exit-reason:(.*)$/gm)].map(([, reason = '']) => reason);
}
