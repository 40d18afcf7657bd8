/**
 * Observes the calls that reach the cloud, and decides by the truth about hosts and guests whether each was permitted. It shares nothing
 * with the engine.
 */
import { type Call, isAct } from '#engine/cloud/simulated/calls.ts';
import type { World } from '#engine/cloud/simulated/world.ts';
import type { Truth } from '#test/model/events/truth.ts';

export class CallWitness {
  readonly offences: string[] = [];
  /** Evacuations of guests that ran on a host with power. */
  falsePositives = 0;
  readonly #world: World;
  readonly #truth: Truth;
  /** Hosts whose death was reported with host_status NORMAL, or is stated by an operator. */
  readonly #reportedDead = new Set<string>();
  /** Instances that were on a host when it lost its power, or that crashed: only these may be changed. */
  readonly #affected = new Set<string>();
  /** First request for the evacuation of each instance, by its host, in order. */
  readonly requested: { readonly uuid: string; readonly source: string }[] = [];

  constructor(world: World, truth: Truth) {
    this.#world = world;
    this.#truth = truth;
    const evacuate = world.evacuate.bind(world);
    world.evacuate = (uuid, target) => {
      const source = world.instances.get(uuid)?.host ?? '';
      evacuate(uuid, target);
      this.#accepted(uuid, source);
    };
  }

  /** Call it before the host loses its power. */
  hostDies(host: string): void {
    for (const { uuid, host: place } of this.#world.instances.values()) if (place === host) this.#affected.add(uuid);
  }

  crashed(uuid: string): void {
    this.#affected.add(uuid);
  }

  deathReported(host: string): void {
    this.#reportedDead.add(host);
  }

  onCall({ method, args }: Call): void {
    if (!isAct(method)) return;
    const { uuid, host, forcedDown } = args;
    if (method === 'evacuate') this.#noteRequest(String(uuid));
    if (typeof uuid === 'string' && !this.#affected.has(uuid)) {
      this.offences.push(`${method} of instance ${uuid}, which did not fail and whose host did not`);
    }
    if (method === 'changeService' && forcedDown === true && !this.#reportedDead.has(String(host))) {
      this.offences.push(`host ${host} was forced down without a report that proves its death`);
    }
  }

  #noteRequest(uuid: string): void {
    const source = this.#world.instances.get(uuid)?.host ?? '';
    if (this.requested.some((one) => one.uuid === uuid && one.source === source)) return;
    this.requested.push({ uuid, source });
  }

  #accepted(uuid: string, source: string): void {
    if (!this.#truth.hasPower(source) || !this.#truth.runsOn(uuid, source)) return;
    this.falsePositives += 1;
    this.offences.push(`instance ${uuid} was evacuated although it runs on host ${source}`);
  }
}
