import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { within } from '../waiting.ts';
import { type Executed, type ExecuteOptions, execute, PATH } from './execute.ts';
import { logTail } from './logs.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

/** A path of this machine that every node sees, read-only. */
export interface HostPath {
  readonly hostPath: string;
  readonly nodePath: string;
}

export interface MachinePlan {
  readonly name: string;
  readonly address: string;
  /** A full cluster node, or one that runs pacemaker_remote. */
  readonly role: 'cluster' | 'remote';
  /** Of the lab. */
  readonly directory: string;
  readonly hostPaths: readonly HostPath[];
}

interface Running {
  /** The node's first process, as this machine numbers it. */
  readonly pid: number;
  readonly client: ChildProcess;
  readonly ended: Promise<unknown>;
}

/** From power on to the node's init; it takes about 0.1 s. */
const BOOT_SECONDS = 20;
const DEATH_SECONDS = 10;

/**
 * One node: a container made of namespaces, with a disk that outlives its power.
 *
 * Invariant: power is switched by one at a time, and `off` resolves only when every process of the node is dead.
 */
export class Machine {
  readonly plan: MachinePlan;
  readonly #world: World;
  readonly #network: Network;
  #running: Running | undefined;
  #switching: Promise<void> = Promise.resolve();

  constructor(plan: MachinePlan, world: World, network: Network) {
    this.plan = plan;
    this.#world = world;
    this.#network = network;
  }

  isAlive(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when its init has started; corosync and Pacemaker come after that. */
  async on(): Promise<void> {
    await this.#switch(async () => {
      if (this.#running === undefined) await this.#boot();
    });
  }

  /** A power cut: first nothing goes through the wire any more, then every process is killed. */
  async off(): Promise<void> {
    await this.#switch(async () => {
      const running = this.#running;
      await this.#network.cut(this.plan.name);
      if (running === undefined) return;
      if (isThere(running.client)) process.kill(running.pid, 'SIGKILL');
      await within(DEATH_SECONDS, `${this.plan.name} to die`, running.ended);
      this.#running = undefined;
    });
  }

  /** To be called when the world is no more. */
  async vanished(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) await within(DEATH_SECONDS, `${this.plan.name} to vanish`, running.ended);
  }

  /** Killing the client, as a time-out does, kills the command. */
  async run(argv: readonly string[], options: ExecuteOptions = {}): Promise<Executed> {
    if (this.#running === undefined) throw new Error(`${this.plan.name} is off: it cannot run ${argv.join(' ')}.`);
    const words = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd', 'setpriv', '--pdeathsig', 'KILL'];
    return await execute(['nsenter', `--target=${this.#running.pid}`, ...words, ...argv], {
      ...options,
      env: { PATH, HOME: '/root', LC_ALL: 'C.UTF-8', ...options.env },
    });
  }

  async #switch(action: () => Promise<void>): Promise<void> {
    const turn = this.#switching.then(action);
    this.#switching = turn.catch(() => {});
    await turn;
  }

  async #boot(): Promise<void> {
    const { name, role, address, directory, hostPaths } = this.plan;
    const log = join(directory, 'log', name);
    mkdirSync(log, { recursive: true });
    const console = openSync(join(log, 'console.log'), 'a');
    const [program = '', ...words] = [
      ...this.#world.enter('--mount', '--pid'),
      ...['unshare', '--mount', '--propagation', 'private', '--uts', '--ipc', '--net', '--pid', '--fork'],
      ...['--kill-child=KILL', 'bash', join(import.meta.dirname, 'node', 'boot.sh'), directory, name, role, address],
      ...hostPaths.flatMap(({ hostPath, nodePath }) => [hostPath, nodePath]),
    ];
    const env = { PATH, LC_ALL: 'C.UTF-8' };
    const client = spawn(program, words, {
      detached: true,
      stdio: ['ignore', console, console, 'pipe'],
      cwd: '/',
      env,
    });
    closeSync(console);
    const ended = new Promise((resolve) => client.once('close', resolve).once('error', resolve));
    const wire = client.stdio[3] as Duplex;
    wire.on('error', () => {});
    // The node is dead, by a power cut or a panic.
    const dead = ended.then(() => {
      if (this.#running?.client === client) this.#running = undefined;
      throw new Error('it ended while it booted');
    });
    dead.catch(() => {});
    const text = async (): Promise<string> => String(await Promise.race([once(wire, 'data'), dead]));
    try {
      await within(BOOT_SECONDS, 'its init', this.#handOver(text, wire, { client, ended }));
    } catch (error) {
      if (isThere(client)) client.kill('SIGKILL');
      throw new Error(`The node ${name} did not boot.\n${logTail(join(log, 'console.log'))}`, { cause: error });
    }
    client.unref();
  }

  /** It sends its pid, gets its wire, and reports when it is up. */
  async #handOver(text: () => Promise<string>, wire: Duplex, running: Omit<Running, 'pid'>): Promise<void> {
    const pid = Number(await text());
    await this.#network.plug(this.plan.name, pid, this.plan.address);
    const up = text();
    wire.write('plugged\n');
    await up;
    wire.destroy();
    this.#running = { ...running, pid };
  }
}

const isThere = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
