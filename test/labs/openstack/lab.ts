import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bringUp, returnCompute } from './bring_up.ts';
import { type SeenCall, seenCalls } from './calls.ts';
import { CellDatabase } from './cell_database.ts';
import {
  authUrl,
  copiesFile,
  domainsFolder,
  type LabPlan,
  PASSWORD,
  PORTS,
  type Settings,
  url,
  writeConfiguration,
  writeKeystoneConfiguration,
  writePolicy,
} from './configuration.ts';
import {
  type ApplicationCredential,
  adminCredentials,
  createApplicationCredential,
  createProject,
  createUserWithRole,
  writeAdminCloudsYaml,
} from './keystone.ts';
import { Nova } from './nova.ts';
import { NovaControl } from './nova_control.ts';
import { freePorts } from './ports.ts';
import { Processes } from './processes.ts';
import { adminIdentity, RestClient } from './rest.ts';
import { type LabApi, startApi, startNovaCompute } from './services.ts';

export interface LabOptions {
  /** How many nova-compute services in the first cell; their hosts are called c1, c2, … */
  readonly computes?: number;
  /** How many in a second cell, whose database can be cut off; their hosts are called d1, d2, …; default none and no second cell. */
  readonly secondCell?: number;
  /** How many that `discover_hosts` never mapped to their cell; their hosts are called u1, u2, …; default none. */
  readonly unmapped?: number;
  /** Folder of all files of the lab; a new folder of the temporary folder when not given. */
  readonly directory?: string;
  /** `glance`: a real Glance with one tiny image, which `boot` can make instances from; default none. */
  readonly images?: LabPlan['images'];
  /** How long Keystone's tokens live; default one hour, as Keystone's. */
  readonly tokenExpirationSeconds?: number;
}

/** Nova's number of this power state, in a host's file of an instance. */
const RUNNING = '1';

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
 * `python/lab_driver.py`), nova-compute's resource tracker is faster (see `python/nova_service.py`), and a
 * stub replaces Neutron. There is no Cinder and no metadata service; a Glance only if it is requested.
 */
export class OpenStackLab extends NovaControl {
  readonly directory: string;
  readonly authUrl: string;
  /** Where Nova's API is, without a version in its path. */
  readonly computeUrl: string;
  /** As clouds.yaml's `auth` has them. */
  readonly adminCredentials: ReturnType<typeof adminCredentials>;
  readonly hosts: readonly string[];
  /** The way to the database of the second cell. */
  readonly cellDatabase: CellDatabase;
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
    this.cellDatabase = new CellDatabase(plan.ports.secondCellDatabase, plan.ports.mariadb);
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
    const named = (letter: string, length: number): string[] => Array.from({ length }, (_, i) => `${letter}${i + 1}`);
    const [secondCell, unmapped] = [named('d', options.secondCell ?? 0), named('u', options.unmapped ?? 0)];
    const hosts = [...named('c', options.computes ?? 3), ...secondCell, ...unmapped];
    const plan = { directory, ports, tokenExpirationSeconds, images, secondCell, unmapped };
    writeConfiguration(plan, hosts);
    const lab = new OpenStackLab(plan, hosts, processes);
    try {
      await lab.cellDatabase.open();
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
    await this.cellDatabase.cut();
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

  /** Starts it again; resolves when it responds. */
  async startApi(api: LabApi): Promise<void> {
    await startApi(this.#plan, this.#processes, api);
  }

  /** Kills nova-compute as a power cut would. Nova detects it after a minute without heartbeats, or when it is forced down. */
  async killCompute(host: string): Promise<void> {
    await this.#processes.kill(`compute-${host}`);
  }

  /** Returns a host to service as an operator does: starts, enables and un-forces its nova-compute, and waits until it is up. */
  async startCompute(host: string): Promise<void> {
    await returnCompute(this.#plan, this.#processes, this.nova, host);
  }

  /**
   * Only starts nova-compute, as a host that boots does. It tidies up; resolves when it takes orders. The flags of its
   * service in Nova (forced down, disabled) stay.
   * @param options further options of its section DEFAULT, for this run only
   */
  async startComputeProcess(host: string, options: Settings[string] = {}): Promise<void> {
    await startNovaCompute(this.#plan, this.#processes, host, options);
  }

  /** Replaces the rules of Nova's API that differ from its defaults, at once. */
  setPolicy(rules: Readonly<Record<string, string>>): void {
    writePolicy(this.#plan, rules);
  }

  /** A user whose only role is a new one of this name; the path of a clouds.yaml whose cloud `lab` logs in as that user. */
  async createUserWithRole(role: string): Promise<string> {
    return await createUserWithRole(this.#plan, this.#rest, role);
  }

  /** Makes a project of this name and boots instances of it on a host. */
  async bootInProject(name: string, count: number, host: string): Promise<{ project: string; uuids: string[] }> {
    const project = await createProject(this.#plan, this.#rest, name);
    const nova = new Nova(this.#plan, new RestClient(this.authUrl, adminIdentity(PASSWORD, name)));
    return { project, uuids: await nova.boot(count, host, {}) };
  }

  /**
   * A cloud as at the start, after any test: every right and cell is there, copies work, every host is alive and in use, and
   * there are no instances.
   */
  async reset(): Promise<void> {
    this.setPolicy({});
    await this.cellDatabase.open();
    for (const host of this.hosts) this.setCopies(host, 'work');
    for (const { host, forced_down, status, state } of await this.services({ binary: 'nova-compute' })) {
      const isDead = state === 'down' || !this.#processes.isRunning(`compute-${host}`);
      if (forced_down || isDead) await this.startCompute(host);
      else if (status === 'disabled') await this.enableService(host);
    }
    await this.deleteAll();
  }

  /** Sets the outcome of copies on a host, of images, disks and memory (`python/lab_driver.py`); at first they work. */
  setCopies(host: string, word: 'work' | 'wait' | 'fail'): void {
    const file = copiesFile(this.#plan, host);
    // At once: a compute never reads half a word.
    writeFileSync(`${file}.new`, word);
    renameSync(`${file}.new`, file);
  }

  /** The hosts that hold this instance and are not dead: a host that came back holds it, powered off, until it has tidied up. */
  whereabouts(uuid: string): string[] {
    return this.hosts.filter(
      (host) => this.#processes.isRunning(`compute-${host}`) && existsSync(join(domainsFolder(this.#plan, host), uuid)),
    );
  }

  /** Removes what a host without a running nova-compute holds of an instance, as `virsh undefine` does. */
  undefine(host: string, uuid: string): void {
    rmSync(join(domainsFolder(this.#plan, host), uuid));
  }

  /** The hosts on which the instance is powered on: more than one means that it runs twice. */
  runningOn(uuid: string): string[] {
    const stateOn = (host: string): string | undefined =>
      readFileSync(join(domainsFolder(this.#plan, host), uuid), 'utf8').split('\n')[1];
    return this.whereabouts(uuid).filter((host) => stateOn(host) === RUNNING);
  }

  /** HTTP requests that Keystone and Nova's API received since the start, from clients whose User-Agent has this text. */
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
