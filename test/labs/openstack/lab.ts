import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bringUp, returnCompute } from './bring_up.ts';
import { type SeenCall, seenCalls } from './calls.ts';
import {
  authUrl,
  copiesFile,
  domainsFolder,
  type LabPlan,
  PASSWORD,
  PORTS,
  url,
  writeConfiguration,
  writeKeystoneConfiguration,
} from './configuration.ts';
import {
  type ApplicationCredential,
  adminCredentials,
  createApplicationCredential,
  writeAdminCloudsYaml,
} from './keystone.ts';
import { Nova } from './nova.ts';
import { NovaControl } from './nova_control.ts';
import { freePorts } from './ports.ts';
import { Processes } from './processes.ts';
import { adminIdentity, RestClient } from './rest.ts';
import { type LabApi, startApi, startNovaCompute } from './services.ts';

export interface LabOptions {
  /** How many nova-compute services; their hosts are called c1, c2, … */
  readonly computes?: number;
  /** Everything of the lab lies there; a new folder of the temporary folder when not given. */
  readonly directory?: string;
  /** `glance`: a real Glance with one tiny image, which `boot` can make instances from; default none. */
  readonly images?: LabPlan['images'];
  /** How long Keystone's tokens live; default one hour, as Keystone's. */
  readonly tokenExpirationSeconds?: number;
}

export interface LabParts {
  readonly plan: LabPlan;
  readonly processes: Processes;
  /** As the administrator. */
  readonly rest: RestClient;
}

/**
 * A real OpenStack on the loopback: Debian 12's Keystone, Placement and Nova with MariaDB, RabbitMQ and memcached.
 *
 * Three things are not what a cloud has: the computes run Nova's fake driver (an instance is a name and a power state, see
 * `python/lab_driver.py`), nova-compute's resource tracker is faster (`python/nova_service.py` says how and why), and a
 * stub answers for Neutron. There is no Cinder and no metadata service; a Glance only where it is asked for.
 */
export class OpenStackLab extends NovaControl {
  readonly directory: string;
  readonly authUrl: string;
  /** Where Nova's API is, without a version in its path. */
  readonly computeUrl: string;
  /** As clouds.yaml's `auth` has them. */
  readonly adminCredentials: ReturnType<typeof adminCredentials>;
  readonly hosts: readonly string[];
  readonly #processes: Processes;
  readonly #rest: RestClient;
  readonly #cloudsYaml: string;
  #plan: LabPlan;

  private constructor(plan: LabPlan, hosts: readonly string[], processes: Processes) {
    const rest = new RestClient(authUrl(plan), adminIdentity(PASSWORD));
    super(plan, new Nova(plan, rest));
    this.directory = plan.directory;
    this.authUrl = authUrl(plan);
    this.computeUrl = url(plan, 'nova');
    this.adminCredentials = adminCredentials(plan);
    this.hosts = hosts;
    this.#plan = plan;
    this.#processes = processes;
    this.#rest = rest;
    this.#cloudsYaml = writeAdminCloudsYaml(plan);
  }

  static async start(options: LabOptions = {}): Promise<OpenStackLab> {
    const directory = resolve(options.directory ?? mkdtempSync(join(tmpdir(), 'openstack-lab-')));
    mkdirSync(directory, { recursive: true });
    const processes = await Processes.open(directory);
    for (const folder of ['data', 'etc']) rmSync(join(directory, folder), { recursive: true, force: true });
    const ports = await freePorts(PORTS);
    const { images = 'none', tokenExpirationSeconds = 3600 } = options;
    const plan = { directory, ports, tokenExpirationSeconds, images };
    const hosts = Array.from({ length: options.computes ?? 3 }, (_, i) => `c${i + 1}`);
    writeConfiguration(plan, hosts);
    const lab = new OpenStackLab(plan, hosts, processes);
    try {
      await bringUp(plan, processes, lab.nova, lab.#rest, hosts);
      return lab;
    } catch (error) {
      await lab.stop();
      throw new Error(`The OpenStack lab did not come up; its logs are in ${join(directory, 'log')}.`, {
        cause: error,
      });
    }
  }

  /** Ends every process and throws the data away; the logs stay. */
  async stop(): Promise<void> {
    await this.#processes.endAll();
    rmSync(join(this.directory, 'data'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** For a lab that starts more services beside these; they end together. */
  get parts(): LabParts {
    return { plan: this.#plan, processes: this.#processes, rest: this.#rest };
  }

  /** Path of a clouds.yaml whose cloud `lab` is this one, with the administrator's password. */
  cloudsYaml(): string {
    return this.#cloudsYaml;
  }

  /** An application credential of the administrator, and a clouds.yaml that uses it. */
  async createApplicationCredential(): Promise<ApplicationCredential> {
    return await createApplicationCredential(this.#plan, this.#rest);
  }

  /** Restarts Keystone (a few seconds without it) so that tokens given out from now on live that long. */
  async setKeystoneTokenExpiration(seconds: number): Promise<void> {
    this.#plan = { ...this.#plan, tokenExpirationSeconds: seconds };
    writeKeystoneConfiguration(this.#plan);
    await this.#processes.kill('keystone');
    await startApi(this.#plan, this.#processes, 'keystone');
  }

  /** Kills the servers of an API; connections to its port are then refused. */
  async killApi(api: LabApi): Promise<void> {
    await this.#processes.kill(api);
  }

  /** Starts it again; resolves when it answers. */
  async startApi(api: LabApi): Promise<void> {
    await startApi(this.#plan, this.#processes, api);
  }

  /** Kills nova-compute as a power cut would. Nova notices after a minute without heartbeats, or when it is told. */
  async killCompute(host: string): Promise<void> {
    await this.#processes.kill(`compute-${host}`);
  }

  /** Brings a host back as an operator does: starts, enables and un-forces its nova-compute, and waits until it is up. */
  async startCompute(host: string): Promise<void> {
    await returnCompute(this.#plan, this.#processes, this.nova, host);
  }

  /**
   * Only starts nova-compute, as a host that boots does. It tidies up; resolves when it takes orders. What Nova was told of its
   * service (forced down, disabled) stays.
   */
  async startComputeProcess(host: string): Promise<void> {
    await startNovaCompute(this.#plan, this.#processes, host);
  }

  /** A cloud as at the start, whatever a test left: copies work, every host is alive and in use, and there are no instances. */
  async reset(): Promise<void> {
    for (const host of this.hosts) this.setCopies(host, 'work');
    for (const { host, forced_down, status, state } of await this.services({ binary: 'nova-compute' })) {
      const isDead = state === 'down' || !this.#processes.isRunning(`compute-${host}`);
      if (forced_down || isDead) await this.startCompute(host);
      else if (status === 'disabled') await this.enableService(host);
    }
    await this.deleteAll();
  }

  /** What becomes of copies on a host from now on, of images, disks and memory (`python/lab_driver.py`); they work at first. */
  setCopies(host: string, word: 'work' | 'wait' | 'fail'): void {
    const file = copiesFile(this.#plan, host);
    // At once: a compute never reads half a word.
    writeFileSync(`${file}.new`, word);
    renameSync(`${file}.new`, file);
  }

  /** The hosts that hold this instance and are not dead: more than one means that it runs twice. */
  whereabouts(uuid: string): string[] {
    return this.hosts.filter(
      (host) => this.#processes.isRunning(`compute-${host}`) && existsSync(join(domainsFolder(this.#plan, host), uuid)),
    );
  }

  /** HTTP requests that Keystone and Nova's API saw since the start, from clients whose User-Agent has this text. */
  async callCounts(userAgent: string): Promise<{ identity: number; compute: number }> {
    const calls = await this.seenCalls(userAgent);
    const count = (api: SeenCall['api']): number => calls.filter((call) => call.api === api).length;
    return { identity: count('identity'), compute: count('compute') };
  }

  /** The same requests one by one. */
  async seenCalls(userAgent: string): Promise<SeenCall[]> {
    return await seenCalls(this.#plan, this.#processes, userAgent);
  }
}
