/** The compute hosts of the simulated cloud, their nova-compute services and the cells that they belong to. */
import { CloudError } from '#openstack/cloud-error.ts';
import type { Surroundings } from './behaviour.ts';

export interface Host {
  readonly name: string;
  readonly id: string;
  readonly capacity: number;
  readonly cell: string;
  status: 'enabled' | 'disabled';
  disabledReason: string | null;
  forcedDown: boolean;
  isAlive: boolean;
  /** Of its service: the last heartbeat before a failure, or a change by a user. */
  updatedAt: number;
  deaths: number;
  /** Instances that stopped with the host at its last failure. */
  off: readonly string[];
}

export type HostChange = Partial<Pick<Host, 'status' | 'disabledReason' | 'cell'>>;

export const FIRST_CELL = 'cell1';

/** nova-compute's report_interval. */
const HEARTBEAT_MS = 10_000;

export class Hosts {
  readonly byName = new Map<string, Host>();
  /** Hosts whose services run and that `nova-manage cell_v2 discover_hosts` never mapped to a cell. */
  readonly unmapped = new Set<string>();
  readonly #surroundings: Surroundings;
  readonly #cellsDown = new Set<string>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  add(name: string, capacity: number, change: HostChange): void {
    const host: Host = {
      name,
      id: this.#surroundings.random.uuid(),
      capacity,
      cell: FIRST_CELL,
      status: 'enabled',
      disabledReason: null,
      forcedDown: false,
      isAlive: true,
      updatedAt: this.#surroundings.now(),
      deaths: 0,
      off: [],
      ...change,
    };
    this.byName.set(name, host);
  }

  require(name: string): Host {
    const host = this.byName.get(name);
    if (!host) throw new CloudError('not_found', `host ${name} could not be found`, { status: 404 });
    return host;
  }

  /** The target of an evacuation, which the API looks up in the mapping of hosts. */
  requireMapped(name: string): void {
    if (this.byName.has(name) && !this.unmapped.has(name)) return;
    throw new CloudError('not_found', `Compute host ${name} not found.`, { status: 404 });
  }

  setCell(cell: string, state: 'up' | 'down'): void {
    if (state === 'down') this.#cellsDown.add(cell);
    else this.#cellsDown.delete(cell);
  }

  isCellDown(cell: string): boolean {
    return this.#cellsDown.has(cell);
  }

  /** Whether the database of the host's cell is unavailable. */
  isNotListed(name: string): boolean {
    const host = this.byName.get(name);
    return host !== undefined && this.isCellDown(host.cell);
  }

  /** @param off the instances that run there */
  kill(name: string, off: readonly string[]): void {
    const host = this.byName.get(name);
    if (!host) return;
    host.updatedAt = this.updatedAtOf(host);
    host.off = host.isAlive ? off : [...new Set([...host.off, ...off])];
    host.isAlive = false;
    host.deaths += 1;
  }

  /** nova-compute sends a heartbeat every ten seconds. */
  updatedAtOf({ isAlive, updatedAt }: Host): number {
    const { now } = this.#surroundings;
    return isAlive ? Math.max(updatedAt, Math.floor(now() / HEARTBEAT_MS) * HEARTBEAT_MS) : updatedAt;
  }

  stateOf(host: Host): 'up' | 'down' {
    return host.isAlive && !host.forcedDown ? 'up' : 'down';
  }

  takesInstances(name: string): boolean {
    const host = this.byName.get(name);
    return host !== undefined && this.stateOf(host) === 'up' && host.status === 'enabled';
  }
}
