/** The key ring of a cluster's controllers and the keys of its hosts, made and distributed as an operator does it. */
import type { EngineCluster } from './engine_cluster.ts';

export const RING_FILE = '/etc/recovery-agent/key-ring';
/** Of the node itself. */
export const KEY_FILE = '/etc/recovery-agent/host-key';

export interface ListedKey {
  readonly host: string;
  readonly state: 'valid' | 'renew' | 'expired' | 'revoked';
  readonly watcher: boolean;
  readonly generation: number;
  readonly serial: number;
}

export class ClusterKeys {
  readonly #cluster: EngineCluster;
  readonly #controllers: readonly string[];
  /** Where `recovery-agent key` runs: changes of the ring start from one controller and are copied to the others. */
  #controller: string;

  /** Makes the ring on the first controller. */
  static async init(cluster: EngineCluster, controllers: readonly string[]): Promise<ClusterKeys> {
    const keys = new ClusterKeys(cluster, controllers);
    await keys.run('init');
    return keys;
  }

  private constructor(cluster: EngineCluster, controllers: readonly string[]) {
    this.#cluster = cluster;
    this.#controllers = controllers;
    this.#controller = controllers[0] ?? '';
  }

  /** This controller is lost: the ring is changed on another from now on. */
  leave(controller: string): void {
    if (this.#controller !== controller) return;
    this.#controller = this.#controllers.find((one) => one !== controller) ?? '';
  }

  /** @returns the standard output */
  async run(...words: readonly string[]): Promise<string> {
    return await this.#cluster.mustRun(this.#controller, ['recovery-agent', 'key', ...words]);
  }

  /** Nodes without power get it never: copy again after their boot. */
  async copyRing(): Promise<void> {
    const ring = await this.#cluster.mustRun(this.#controller, ['cat', RING_FILE]);
    const others = this.#controllers.filter((one) => one !== this.#controller && this.#cluster.lab.isAlive(one));
    await Promise.all(others.map((node) => this.#cluster.lab.putFile(node, RING_FILE, ring, 0o600)));
  }

  /** Puts a key of the newest generation on the host. The ring is not copied. */
  async issue(host: string, role: 'host' | 'watcher' = 'host'): Promise<void> {
    const key = await this.run('issue', host, ...(role === 'watcher' ? ['--watcher'] : []));
    await this.#cluster.lab.putFile(host, KEY_FILE, key, 0o600);
  }

  async list(): Promise<readonly ListedKey[]> {
    return (JSON.parse(await this.run('list', '--json')) as { readonly hosts: readonly ListedKey[] }).hosts;
  }
}
