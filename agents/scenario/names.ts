/**
 * Stable names for identifiers that differ from run to run or mean nothing to a reader.
 *
 * Invariant: a name depends on the order of events only, never on the identifier.
 */
import type { World } from '#engine/cloud/simulated/world.ts';

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

export type NamedKind = 'notification' | 'flow' | 'evacuation' | 'id';

export class Names {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<NamedKind, number>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Names an object, unless it has a name. */
  give(uuid: string, kind: NamedKind): void {
    if (this.#names.has(uuid)) return;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#names.set(uuid, `${kind}-${count}`);
  }

  /** The uuid that has this name, e.g. `notification-1`. */
  uuidOf(name: string): string | undefined {
    return [...this.#names].find(([, given]) => given === name)?.[0];
  }

  in(text: string): string {
    return text.replaceAll(UUID, (uuid) => {
      const instance = this.#world.instances.get(uuid);
      if (instance) return instance.name;
      const known = this.#names.get(uuid);
      if (known !== undefined) return known;
      const isEvacuation = this.#world.evacuations.some(({ id }) => id === uuid);
      this.give(uuid, isEvacuation ? 'evacuation' : 'id');
      return this.#names.get(uuid) ?? uuid;
    });
  }
}
