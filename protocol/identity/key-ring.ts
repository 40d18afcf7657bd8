/**
 * The key ring of the engines: the masters of two generations, and the hosts to which keys were issued. Pure except for the random bytes of a new
 * master.
 *
 * Invariants: at most two generations are valid, so that a rotation does not require all hosts to change their keys at once. A revoked
 * key stays refused: the next key of its host has a higher serial.
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { comparableHost, isHostName } from '../host-name.ts';
import { heartbeatKey, heartbeatMaster, hostKey } from './derive.ts';
import type { HostKey } from './host-key.ts';
import { counter, type NamedKey } from './psk-name.ts';

const KEY_RING_KIND = 'recovery-agent key ring';
const MASTER_BYTES = 64;
const VALID_GENERATIONS = 2;

const time = v.pipe(v.string(), v.isoTimestamp());
const schema = v.object({
  kind: v.literal(KEY_RING_KIND),
  version: v.literal(1),
  /** Counts the changes: of two copies the one with the higher revision is newer. */
  revision: counter,
  generations: v.pipe(
    v.array(
      v.object({
        generation: counter,
        created: time,
        master: v.pipe(
          v.string(),
          v.base64(),
          v.check((text) => Buffer.from(text, 'base64').length >= MASTER_BYTES),
        ),
      }),
    ),
    v.minLength(1),
    v.maxLength(VALID_GENERATIONS),
  ),
  hosts: v.record(
    v.string(),
    v.object({
      /** As issued; the record's key is its comparable form. */
      host: v.pipe(v.string(), v.check(isHostName)),
      serial: counter,
      generation: counter,
      issued: time,
      watcher: v.boolean(),
      revoked: v.optional(time),
    }),
  ),
});

export type KeyRing = v.InferOutput<typeof schema>;
export type IssuedKey = KeyRing['hosts'][string];

/** Why a key is refused. */
type KeyRefusal =
  | 'its key is revoked'
  | 'its key is of a generation that is not valid any more'
  | 'its key is newer than the key ring here; copy the ring from the controller that issued the key';

export function newKeyRing(now: string): KeyRing {
  return { kind: KEY_RING_KIND, version: 1, revision: 1, generations: [newGeneration(1, now)], hosts: {} };
}

function newGeneration(generation: number, created: string): KeyRing['generations'][number] {
  return { generation, created, master: randomBytes(MASTER_BYTES).toString('base64') };
}

/** Throws with the fault; no message contains any of the content. */
export function parseKeyRing(bytes: Uint8Array): KeyRing {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new Error('it is no key ring: it holds no JSON', { cause });
  }
  const parsed = v.safeParse(schema, content);
  if (parsed.success) return parsed.output;
  throw new Error(`it is no complete "${KEY_RING_KIND}" of version 1 (${v.getDotPath(parsed.issues[0]) ?? 'content'})`);
}

export function formatKeyRing(ring: KeyRing): string {
  return `${JSON.stringify(ring, null, 2)}\n`;
}

export function newestGeneration({ generations }: KeyRing): KeyRing['generations'][number] {
  const newest = generations.at(-1);
  if (!newest) throw new Error('a key ring has a generation');
  return newest;
}

/** A new generation; keys of the previous one stay valid, those of older ones do not. */
export function rotate(ring: KeyRing, now: string): KeyRing {
  const next = newGeneration(newestGeneration(ring).generation + 1, now);
  return changed(ring, { generations: [...ring.generations, next].slice(-VALID_GENERATIONS) });
}

/** Only the newest generation stays valid. */
export function retirePrevious(ring: KeyRing): KeyRing {
  return changed(ring, { generations: ring.generations.slice(-1) });
}

/** Records the issue of a key of the newest generation, and returns the key. Issuing the same key again does not change the ring. */
export function issue(
  ring: KeyRing,
  host: string,
  { watcher, now }: { readonly watcher: boolean; readonly now: string },
): { readonly ring: KeyRing; readonly key: HostKey } {
  const before = issuedTo(ring, host);
  const serial = lowestSerial(before);
  const newest = newestGeneration(ring);
  const master = Buffer.from(newest.master, 'base64');
  const issued = { host, serial, generation: newest.generation, issued: now, watcher };
  const isNew = before?.serial !== serial || before.generation !== newest.generation || before.watcher !== watcher;
  const watched = ring.generations.map((one) => ({
    generation: one.generation,
    heartbeats: heartbeatMaster(Buffer.from(one.master, 'base64')),
  }));
  return {
    ring: isNew ? changed(ring, { hosts: { ...ring.hosts, [comparableHost(host)]: issued } }) : ring,
    key: {
      host,
      generation: newest.generation,
      serial,
      key: hostKey(master, host, serial),
      heartbeat: heartbeatKey(heartbeatMaster(master), host),
      watched: watcher ? watched : [],
    },
  };
}

/** @param host as in the ring. Throws if no key was issued to it. */
export function revoke(ring: KeyRing, host: string, now: string): KeyRing {
  const issued = issuedTo(ring, host);
  if (!issued) throw new Error(`no key was issued to ${host}`);
  return changed(ring, { hosts: { ...ring.hosts, [comparableHost(host)]: { ...issued, revoked: now } } });
}

/** The lowest serial with which a host is accepted. */
export function lowestSerial(issued: IssuedKey | undefined): number {
  return issued === undefined ? 1 : issued.serial + (issued.revoked === undefined ? 0 : 1);
}

export function issuedTo({ hosts }: KeyRing, host: string): IssuedKey | undefined {
  const name = comparableHost(host);
  return Object.hasOwn(hosts, name) ? hosts[name] : undefined;
}

function changed(ring: KeyRing, change: Partial<KeyRing>): KeyRing {
  return { ...ring, ...change, revision: ring.revision + 1 };
}

/**
 * Why a genuine key is refused; undefined if it is accepted. A host that is not in the ring got its key from another copy of the ring; a
 * higher serial was issued by a newer copy.
 */
export function whyRefused(ring: KeyRing, { host, generation, serial }: NamedKey): KeyRefusal | undefined {
  const newest = ring.generations.at(-1)?.generation ?? generation;
  if (generation > newest) {
    return 'its key is newer than the key ring here; copy the ring from the controller that issued the key';
  }
  if (!ring.generations.some((one) => one.generation === generation)) {
    return 'its key is of a generation that is not valid any more';
  }
  return serial < lowestSerial(issuedTo(ring, host)) ? 'its key is revoked' : undefined;
}

/** The one spelling of a host's name, which its key proves in any case of letters: as issued, if this copy has it. */
export function spellingOf(ring: KeyRing, host: string): string {
  return issuedTo(ring, host)?.host ?? comparableHost(host);
}

/** Whether a key of a newer generation was issued to the host: the one that it uses ends when its generation is retired. */
export function isReplaced(ring: KeyRing, { host, generation }: NamedKey): boolean {
  const issued = issuedTo(ring, host);
  return issued !== undefined && issued.revoked === undefined && issued.generation > generation;
}

/** The key that proves this name; undefined if its generation is unknown. */
export function keyOf(ring: KeyRing, { host, generation, serial }: NamedKey): Buffer | undefined {
  const found = ring.generations.find((one) => one.generation === generation);
  return found && hostKey(Buffer.from(found.master, 'base64'), host, serial);
}
