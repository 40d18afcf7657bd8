/**
 * The lowest valid numbers of the key ring that engines have read, stored for the next engine: a controller that returns with an older copy
 * does not accept keys again that were revoked or retired. Contains no secret. Pure.
 */
import * as v from 'valibot';
import { type KeyRing, lowestSerial } from './key-ring.ts';
import { counter } from './psk-name.ts';

const schema = v.object({
  /** Of the newest copy. */
  revision: counter,
  /** The oldest generation that is valid. */
  generation: counter,
  /** By host: the lowest valid serial, if it is not 1. */
  serials: v.record(v.string(), counter),
});

export type KeyFloor = v.InferOutput<typeof schema>;

export function floorOf({ revision, generations, hosts }: KeyRing): KeyFloor {
  const serials = Object.entries(hosts).map(([name, issued]) => [name, lowestSerial(issued)] as const);
  return {
    revision,
    generation: Math.min(...generations.map(({ generation }) => generation)),
    serials: Object.fromEntries(serials.filter(([, serial]) => serial > 1)),
  };
}

/** Undefined: it is no floor. */
export function parseKeyFloor(text: string): KeyFloor | undefined {
  try {
    return v.parse(schema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The stricter of two floors in every value. */
export function stricter(one: KeyFloor, other: KeyFloor): KeyFloor {
  const serials = new Map(Object.entries(one.serials));
  for (const [host, serial] of Object.entries(other.serials)) {
    serials.set(host, Math.max(serial, serials.get(host) ?? 1));
  }
  return {
    revision: Math.max(one.revision, other.revision),
    generation: Math.max(one.generation, other.generation),
    serials: Object.fromEntries([...serials].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** The ring without the generations and keys below the floor. It may have no generation left. */
export function withFloor(ring: KeyRing, floor: KeyFloor): KeyRing {
  const hosts = new Map(Object.entries(ring.hosts));
  for (const [name, lowest] of Object.entries(floor.serials)) {
    const issued = hosts.get(name);
    if (lowestSerial(issued) >= lowest) continue;
    const since = issued?.issued ?? new Date(0).toISOString();
    hosts.set(name, {
      host: issued?.host ?? name,
      generation: floor.generation,
      issued: since,
      watcher: issued?.watcher ?? false,
      serial: lowest - 1,
      revoked: since,
    });
  }
  return {
    ...ring,
    generations: ring.generations.filter(({ generation }) => generation >= floor.generation),
    hosts: Object.fromEntries(hosts),
  };
}
