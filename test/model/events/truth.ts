/**
 * What is true of hosts and guests, independent of what Nova and the engine believe: which host has power, and where a guest runs.
 *
 * A guest runs where Nova's work for it ended last, on a host that has power. A host that loses power ends every guest on it, and
 * starts none of them when it is back (Nova's resume_guests_state_on_host_boot is off).
 */

import { POWER_STATE } from '#engine/cloud/cloud.ts';
import type { World } from '#engine/cloud/simulated/world.ts';

type Host = NonNullable<ReturnType<World['hosts']['get']>>;

/** A host that was back for less than three of nova-compute's reports may be taken for dead. */
const SEEN_ALIVE_AFTER_MS = 35_000;

export class Truth {
  /** What no engine may ever do, as it was done. */
  readonly offences: string[] = [];
  readonly #world: World;
  readonly #places = new Map<string, Set<string>>();
  readonly #aliveSince = new Map<string, number>();
  /** Hosts whose death is proven: they may be forced down without a second read. */
  readonly proven = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    for (const host of world.hosts.values()) this.#watchHost(host);
    for (const uuid of world.instances.keys()) this.#watchGuest(uuid);
  }

  runs(uuid: string): boolean {
    return this.#placesOf(uuid).size > 0;
  }

  runsOn(uuid: string, host: string): boolean {
    return this.#placesOf(uuid).has(host);
  }

  hasPower(host: string): boolean {
    return this.#aliveSince.has(host);
  }

  /** The host loses power. */
  kill(host: string): void {
    // A start that is still pending would restart it.
    this.#world.catchUp();
    this.#world.kill(host);
    this.#aliveSince.delete(host);
    for (const places of this.#places.values()) places.delete(host);
  }

  /** Power again; nova-compute runs after its start, and evacuated guests are removed from the host. */
  comeBack(host: string): void {
    this.#world.comeBack(host);
    this.#aliveSince.set(host, this.#world.now() + this.#world.behaviour.computeStartMs);
  }

  /** The process of a guest ends; Nova does not see it. @returns the host on which it ran, if it did */
  crash(uuid: string): string | undefined {
    const places = this.#placesOf(uuid);
    const [host] = places;
    places.clear();
    return host;
  }

  /** nova-compute's periodic work: what Nova believes to run and does not is stopped. */
  syncPower(host: string): void {
    this.#world.catchUp();
    if (!this.hasPower(host)) return;
    for (const { uuid, vmState, taskState, host: place } of this.#world.instances.values()) {
      if (place !== host || vmState !== 'active' || taskState !== null || this.runs(uuid)) continue;
      this.#world.stop(uuid);
    }
  }

  #placesOf(uuid: string): Set<string> {
    const places = this.#places.get(uuid) ?? new Set();
    this.#places.set(uuid, places);
    return places;
  }

  #watchHost(host: Host): void {
    const { name } = host;
    this.#aliveSince.set(name, Number.NEGATIVE_INFINITY);
    let forcedDown = host.forcedDown;
    Object.defineProperty(host, 'forcedDown', {
      enumerable: true,
      get: () => forcedDown,
      set: (value: boolean) => {
        const since = this.#aliveSince.get(name);
        const isLiving = since !== undefined && this.#world.now() - since > SEEN_ALIVE_AFTER_MS;
        if (value && !forcedDown && isLiving && !this.proven.has(name)) {
          this.offences.push(`host ${name} was forced down although its nova-compute reported`);
        }
        forcedDown = value;
      },
    });
  }

  /** Nova writes the power state last, when the work for a guest has ended. */
  #watchGuest(uuid: string): void {
    const guest = this.#world.requireInstance(uuid);
    let powerState = guest.powerState;
    if (powerState === POWER_STATE.RUNNING) this.#placesOf(uuid).add(guest.host ?? '');
    Object.defineProperty(guest, 'powerState', {
      enumerable: true,
      get: () => powerState,
      set: (value: number) => {
        powerState = value;
        this.#ended(uuid, guest.host ?? '', value === POWER_STATE.RUNNING);
      },
    });
  }

  #ended(uuid: string, host: string, isRunning: boolean): void {
    const places = this.#placesOf(uuid);
    if (!isRunning) places.delete(host);
    else if (this.hasPower(host)) places.add(host);
    if (places.size > 1) this.offences.push(`instance ${uuid} runs on ${[...places].sort().join(' and ')}`);
  }
}
