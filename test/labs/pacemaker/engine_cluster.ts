import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WorldServer } from '#engine/cloud/simulated/server.ts';
import { CALM, World } from '#engine/cloud/simulated/world.ts';
import { makeDeb } from '#packaging/packages/deb.ts';
import { describePackage } from '#packaging/packages/description.ts';
import { releaseOf } from '#packaging/packages/release.ts';
import type { RecoveryView } from '#protocol/views.ts';
import { installPackages } from './install.ts';
import { PacemakerLab, type PacemakerLabOptions, SHARED } from './lab.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLOUD_PORT = 7000;
export const JOURNAL = '/shared/journal.db';
export const NODES: readonly string[] = ['n1', 'n2', 'n3'];

/** A host that failed and was reported. */
export interface Failure {
  readonly uuid: string;
  readonly host: string;
  readonly instances: readonly string[];
  /** How many of them are on another host by now. */
  moved(): number;
}

/** Polls every 50 ms until `look` returns something. */
export async function until<T>(
  what: string,
  seconds: number,
  read: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await read();
    if (seen !== undefined) return seen;
    if (performance.now() > end) throw new Error(`not seen within ${seconds} s: ${what}`);
    await delay(50);
  }
}

export interface EngineClusterOptions extends PacemakerLabOptions {
  /** Further lines of the configuration. */
  readonly configuration?: string;
  /** When the packages are installed and before the engine is started. */
  readonly prepare?: (cluster: EngineCluster) => Promise<void>;
}

/** The time of the cloud. While it is stopped no instance moves, so that no recovery ends before it was disturbed. */
class CloudTime {
  #lostMs = 0;
  #stoppedAt: number | undefined;

  now(): number {
    return (this.#stoppedAt ?? Date.now()) - this.#lostMs;
  }

  stop(): void {
    this.#stoppedAt ??= Date.now();
  }

  go(): void {
    if (this.#stoppedAt !== undefined) this.#lostMs += Date.now() - this.#stoppedAt;
    this.#stoppedAt = undefined;
  }
}

/** The shipped package as a resource of a real cluster, and a simulated cloud outside of its nodes. */
export class EngineCluster {
  readonly lab: PacemakerLab;
  readonly world: World;
  readonly time: CloudTime;
  readonly #server: WorldServer;
  /** File name in `dist`. */
  readonly #deb: string;

  /** Resolves when the engine runs, created by `pcs resource create` with no option but the journal's path. */
  static async start(options: EngineClusterOptions = {}): Promise<EngineCluster> {
    await installPackages();
    execFileSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')], { stdio: 'inherit' });
    const description = describePackage(releaseOf(ROOT), { root: ROOT, executable: join(ROOT, 'dist/recovery-agent') });
    const deb = basename(makeDeb(description, join(ROOT, 'dist')));
    const lab = await PacemakerLab.start({
      ...options,
      hostPaths: [{ hostPath: join(ROOT, 'dist'), nodePath: '/mnt/dist' }],
    });
    try {
      const time = new CloudTime();
      const world = new World(time, 1, { ...CALM, rebuildMs: [300, 900], powerMs: 100 });
      for (const name of ['d1', 'd2', 'd3']) world.addHost(name, 100_000);
      const cluster = new EngineCluster(lab, world, time, new WorldServer(world, await lab.listen(CLOUD_PORT)), deb);
      await Promise.all(NODES.map((node) => cluster.install(node, options.configuration)));
      await options.prepare?.(cluster);
      const agent = 'ocf:openstack:recovery-agent';
      // Started only when it may not run on remote nodes any more.
      await lab.pcs('resource', 'create', 'recovery', agent, `journal=${JOURNAL}`, '--disabled');
      const remotes = lab.nodes.filter((node) => !NODES.includes(node));
      for (const remote of remotes) await lab.pcs('constraint', 'location', 'recovery', 'avoids', remote);
      await lab.pcs('resource', 'enable', 'recovery');
      await lab.waitForResource('recovery', { state: 'Started' }, 60);
      return cluster;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  private constructor(lab: PacemakerLab, world: World, time: CloudTime, server: WorldServer, deb: string) {
    this.lab = lab;
    this.world = world;
    this.time = time;
    this.#server = server;
    this.#deb = deb;
  }

  /** @param logs whether the folder with the logs is kept */
  async stop(logs: 'keep' | 'remove'): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.lab.stop();
    if (logs === 'remove') rmSync(this.lab.directory, { recursive: true, force: true });
  }

  /** The package, and the configuration of an operator in a hurry. */
  async install(node: string, further = ''): Promise<void> {
    const config = [
      '[cloud]',
      'driver = simulated',
      `simulated_address = ${this.lab.outsideAddress}:${CLOUD_PORT}`,
      '[journal]',
      `path = ${JOURNAL}`,
      `mount_point = ${SHARED}`,
      'confirm_delay = 0',
      '[engine]',
      'beat_interval = 1',
      'lease_timeout = 5',
      '[host_failure]',
      'max_evacuations_in_flight = 5',
      'evacuation_queue_wait = 1',
      '[DEFAULT]',
      'verify_interval = 0.2',
      further,
    ].join('\n');
    // The package as it is shipped; what it depends on is on the machine that the nodes share.
    const deb = `/mnt/dist/${this.#deb}`;
    await this.mustRun(node, ['dpkg', '--force-depends', '--force-confold', '--install', deb]);
    await this.lab.putFile(node, '/etc/recovery-agent/recovery-agent.conf', config);
  }

  async mustRun(node: string, argv: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.lab.run(node, argv, { timeoutMs: 60_000 });
    if (status !== 0) throw new Error(`${argv.join(' ')} on ${node} ended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }

  async activeNode(): Promise<string> {
    const { nodes } = await this.lab.waitForResource('recovery', { state: 'Started' }, 120);
    return nodes[0] ?? '';
  }

  /** A recovery from the journal, read on a reachable node; undefined while no node can read it. */
  async show(uuid: string): Promise<RecoveryView | undefined> {
    for (const node of this.lab.reachableClusterNodes()) {
      const { status, stdout } = await this.lab
        .run(node, ['recovery-agent', 'show', '--json', uuid], { timeoutMs: 20_000 })
        .catch(() => ({ status: -1, stdout: '' }));
      if (status === 0) return JSON.parse(stdout) as RecoveryView;
    }
    return undefined;
  }

  async signalEngine(node: string, signal: 'KILL' | 'STOP'): Promise<void> {
    const pid = `sed 's/.*"pid":\\([0-9]*\\).*/\\1/' /run/recovery-agent/engine.pid`;
    await this.mustRun(node, ['sh', '-c', `kill -${signal} $(${pid})`]);
  }

  /** A host with instances loses power and is reported to the active engine. */
  async hostFails(host: string, count: number): Promise<Failure> {
    const { world } = this;
    world.addHost(host, 100_000);
    const instances = Array.from({ length: count }, () => world.addInstance(host).uuid);
    world.kill(host);
    const words = ['--hostname', host, '--event', 'STOPPED', '--cluster-status', 'OFFLINE', '--host-status', 'NORMAL'];
    const out = await this.mustRun(await this.activeNode(), ['recovery-agent', 'notify', '--json', ...words]);
    const { notification_uuid: uuid } = JSON.parse(out) as { notification_uuid: string };
    const moved = (): number => {
      world.catchUp();
      return instances.filter((one) => world.instances.get(one)?.host !== host).length;
    };
    return { uuid, host, instances, moved };
  }

  /** Waits until some instances of a failure have moved; then nothing moves any more until `time.go()`. */
  async holdInTheMiddle({ host, moved }: Failure, atLeast = 4): Promise<void> {
    await until(`instances of ${host} to have moved`, 60, () => {
      if (moved() < atLeast) return undefined;
      this.time.stop();
      return true;
    });
  }

  /** Boots a node that was fenced, as an operator does who found out why. */
  async bootAgain(node: string): Promise<void> {
    await until(`${node} to be off`, 60, () => (this.lab.isAlive(node) ? undefined : true));
    await this.lab.boot(node, 90);
    await this.lab.cleanUp('recovery');
  }
}
