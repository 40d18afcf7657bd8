import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { missingPackages } from '../debian_packages.ts';
import { waitUntil } from '../waiting.ts';
import { Cluster } from './cluster.ts';
import { type ClusterPlan, POWER_DEVICE, writeClusterFiles } from './cluster_files.ts';
import { claimDirectory, releaseDirectory } from './directories.ts';
import type { Executed, ExecuteOptions } from './execute.ts';
import { PACKAGES, remoteDaemon } from './install.ts';
import { logTail, type NodeLogs, nodeLogs, warningsAbout } from './logs.ts';
import { type HostPath, Machine, type MachinePlan } from './machine.ts';
import { Network } from './network.ts';
import { listenOutside } from './outside.ts';
import { PowerSwitch } from './power_switch.ts';
import { fill, free } from './storage.ts';
import { OUTSIDE_ADDRESS, World } from './world.ts';

export interface PacemakerLabOptions {
  /** Full cluster nodes, called n1, n2, …; default 3. */
  readonly clusterNodes?: number;
  /** Nodes that run pacemaker_remote, called c1, c2, …; default 2. */
  readonly remoteNodes?: number;
  /** Folder of its logs and shared storage; a new folder of the temporary folder when not given. */
  readonly directory?: string;
  /** Paths of this machine that every node sees, read-only; a unix socket in such a folder can be connected to. */
  readonly hostPaths?: readonly HostPath[];
  /** A shared storage of that size (a multiple of 4096), in memory, that can be filled. */
  readonly sharedSizeBytes?: number;
  /** What fencing does; default `off`: the node stays off until `boot`. */
  readonly stonithAction?: ClusterPlan['stonithAction'];
}

/** Where the nodes have the shared storage. */
export const SHARED = '/shared';
const UP_SECONDS = 60;
/** Port 3121 with state LISTEN, as /proc/net/tcp has them. */
const REMOTE_PORT = ':0C31 [0-9A-F:]* 0A';

/**
 * A real cluster on one machine: corosync, Pacemaker, pacemaker_remote and STONITH that kills, on nodes that are
 * containers made of namespaces, with a shared storage. Needs root and the packages of `install.ts`.
 *
 * Two things are not what a cluster has: all nodes share one kernel and one clock, and the shared storage is a folder of it
 * (locks and writes are visible at once, and an open file of a node remains usable when its mount vanishes).
 */
export class PacemakerLab extends Cluster {
  readonly directory: string;
  readonly nodes: readonly string[];
  /** What the nodes reach everything outside the cluster at; see `listen`. */
  readonly outsideAddress = OUTSIDE_ADDRESS;
  readonly powerSwitch: PowerSwitch;
  /**
   * The shared storage as this process sees it. With `sharedSizeBytes` no place for SQLite, which resolves the links of a
   * path and ends up elsewhere: run the reader in a node.
   */
  readonly sharedDirectory: string;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #network: Network;
  readonly #world: World;
  readonly #hasSizedStorage: boolean;

  private constructor(
    directory: string,
    options: PacemakerLabOptions,
    world: World,
    network: Network,
    machines: ReadonlyMap<string, Machine>,
    powerSwitch: PowerSwitch,
  ) {
    super();
    this.directory = directory;
    this.nodes = [...machines.keys()];
    this.#world = world;
    this.#network = network;
    this.#machines = machines;
    this.powerSwitch = powerSwitch;
    this.#hasSizedStorage = options.sharedSizeBytes !== undefined;
    const shared = join(directory, 'shared');
    this.sharedDirectory = this.#hasSizedStorage ? world.pathFromOutside(shared) : shared;
  }

  /** Resolves when the cluster has quorum and a coordinator, every node is online, and the fence device is started. */
  static async start(options: PacemakerLabOptions = {}): Promise<PacemakerLab> {
    await mustBePossible();
    const directory = claimDirectory(options.directory);
    const machinePlans = planMachines(directory, options);
    const plan = { machines: machinePlans, stonithAction: options.stonithAction ?? 'off', tokenMs: 1000 } as const;
    writeClusterFiles(directory, plan, await remoteDaemon());
    const world = await World.create(directory, options.sharedSizeBytes).catch((error) => {
      releaseDirectory(directory);
      throw error;
    });
    const network = new Network(world);
    const machines = new Map(machinePlans.map((machine) => [machine.name, new Machine(machine, world, network)]));
    const powerSwitch = new PowerSwitch(machines);
    const lab = new PacemakerLab(directory, options, world, network, machines, powerSwitch);
    try {
      await powerSwitch.listen(join(directory, 'power', 'switch.sock'));
      await Promise.all([...machines.values()].map((machine) => machine.on()));
      await lab.#waitUntilComplete();
      return lab;
    } catch (error) {
      const tails = lab.nodes.map((node) => logTail(lab.logs(node).console)).join('\n');
      await lab.stop();
      throw new Error(`The Pacemaker lab did not come up; its logs are in ${join(directory, 'log')}.\n${tails}`, {
        cause: error,
      });
    }
  }

  /** Ends every node and throws their disks and the shared storage away; the logs stay. */
  async stop(): Promise<void> {
    await this.powerSwitch.close();
    await this.#world.destroy();
    await Promise.all([...this.#machines.values()].map((machine) => machine.vanished()));
    releaseDirectory(this.directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Runs a command in a node, as root; what ends the client (time-out, `signal`) ends the command. */
  async run(node: string, argv: readonly string[], options?: ExecuteOptions): Promise<Executed> {
    const machine = this.#machine(node);
    if (!machine.isAlive())
      throw new Error(`${node} is off: it cannot run ${argv.join(' ')}.\n${this.#fencingOf(node)}`);
    return await machine.run(argv, options);
  }

  /** A power cut of the node, without any message to other nodes. */
  async kill(node: string): Promise<void> {
    await this.#machine(node).off();
  }

  /** Power on, without waiting for more than the node's init. */
  async powerOn(node: string): Promise<void> {
    await this.#machine(node).on();
  }

  /** Power on; resolves when the cluster has it back and is at rest. */
  async boot(node: string, seconds = UP_SECONDS): Promise<void> {
    await this.powerOn(node);
    if (this.#machine(node).plan.role === 'remote') {
      // Otherwise a fenced remote node waits for the next reconnect_interval; a request that is too early would also wait for it.
      await waitUntil({ what: `pacemaker_remoted of ${node} to listen`, seconds, everyMs: 50 }, async () =>
        (await this.run(node, ['grep', '-q', REMOTE_PORT, '/proc/net/tcp', '/proc/net/tcp6'])).status === 0
          ? true
          : undefined,
      );
      await this.pcs('resource', 'cleanup', node);
    }
    await this.waitForOnline(node, seconds);
    await this.waitForIdle(seconds);
  }

  isAlive(node: string): boolean {
    return this.#machine(node).isAlive();
  }

  /** The node is cut off in both directions, also after it booted again; power and storage stay as they are. */
  async partition(node: string): Promise<void> {
    await this.#network.partition(this.#machine(node).plan.name);
  }

  async heal(node: string): Promise<void> {
    await this.#network.heal(this.#machine(node).plan.name);
  }

  /** Writes a file into one node or, with `all`, into every living one; it outlives the node's power. */
  async putFile(
    node: string,
    path: string,
    content: string | Uint8Array | { readonly hostPath: string },
    mode = 0o644,
  ): Promise<void> {
    const stdin =
      typeof content === 'string' || content instanceof Uint8Array ? content : await readFile(content.hostPath);
    // A pipe between them: `install` cannot open a standard input that is a socket, and Node's is one.
    const script = 'cat | install -D --mode="$1" /dev/stdin "$2"';
    const argv = ['sh', '-c', script, 'sh', mode.toString(8), path];
    const targets = node === 'all' ? this.nodes.filter((name) => this.isAlive(name)) : [node];
    await Promise.all(targets.map((target) => this.#mustRun(target, argv, { stdin })));
  }

  /** The storage vanishes from the node's tree. Open files remain usable; nothing else does. */
  async unmountShared(node: string): Promise<void> {
    await this.#mustRun(node, ['umount', '--lazy', SHARED]);
  }

  async mountShared(node: string): Promise<void> {
    await this.#mustRun(node, ['mount', '--bind', '/.lab/shared', SHARED]);
  }

  /** Takes every byte that is left of a storage with `sharedSizeBytes`. */
  async fillShared(): Promise<void> {
    if (!this.#hasSizedStorage)
      throw new Error('Only a lab with sharedSizeBytes can be filled: this would fill the disk.');
    await fill(this.sharedDirectory);
  }

  /** Gives back what `fillShared` took. */
  async freeShared(): Promise<void> {
    await free(this.sharedDirectory);
  }

  /** A TCP server in this process at `outsideAddress`; port 0: any. */
  async listen(port = 0): Promise<Server> {
    return await listenOutside(this.#world, port);
  }

  logs(node: string): NodeLogs {
    return nodeLogs(this.directory, this.#machine(node).plan.name);
  }

  reachableClusterNodes(): string[] {
    return this.nodes.filter(
      (node) => this.#machine(node).plan.role === 'cluster' && this.isAlive(node) && !this.#network.isPartitioned(node),
    );
  }

  /** Why a node that no test switched off is off: who requested it, and the warnings of every cluster node about it. */
  #fencingOf(node: string): string {
    const requests = this.powerSwitch.requests
      .filter((request) => request.node === node)
      .map(({ action, by, receivedAtMs }) => `${action} requested by ${by} at ${new Date(receivedAtMs).toISOString()}`);
    const warnings = this.nodes.map((observer) => warningsAbout(node, this.logs(observer).pacemaker));
    return [...requests, ...warnings].join('\n');
  }

  async #waitUntilComplete(): Promise<void> {
    await this.waitForResource(POWER_DEVICE, { state: 'Started' }, UP_SECONDS);
    for (const node of this.nodes) await this.waitForOnline(node, UP_SECONDS);
  }

  async #mustRun(node: string, argv: readonly string[], options?: ExecuteOptions): Promise<void> {
    const { status, stderr } = await this.run(node, argv, options);
    if (status !== 0) throw new Error(`${argv.join(' ')} on ${node} ended with ${status}: ${stderr}`);
  }

  #machine(node: string): Machine {
    const machine = this.#machines.get(node);
    if (machine === undefined) throw new Error(`The lab has no node ${node}; it has ${this.nodes.join(', ')}.`);
    return machine;
  }
}

async function mustBePossible(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('The Pacemaker lab makes namespaces and mounts: run it as root.');
  const missing = await missingPackages(PACKAGES);
  if (missing.length > 0 || !existsSync(await remoteDaemon())) {
    throw new Error(
      `The Pacemaker lab lacks ${missing.join(', ') || 'pacemaker-remoted'}: run "node test/labs/pacemaker/install.ts".`,
    );
  }
}

/** Addresses that no other network can have. */
function planMachines(directory: string, options: PacemakerLabOptions): MachinePlan[] {
  const hostPaths = options.hostPaths ?? [];
  const make = (role: MachinePlan['role'], letter: string, firstAddress: number, count: number): MachinePlan[] =>
    Array.from({ length: count }, (_, index) => {
      const name = `${letter}${index + 1}`;
      return { name, role, address: `10.99.0.${firstAddress + index}`, directory, hostPaths };
    });
  return [...make('cluster', 'n', 1, options.clusterNodes ?? 3), ...make('remote', 'c', 101, options.remoteNodes ?? 2)];
}
