/**
 * Finds the system of a BMC that is the host, and whether it has power.
 *
 * Invariant: the power of another system is never taken for the host's. The representation that was read must have the Id of the
 * requested system, the collection must be complete, and a choice without `system` in the inventory stays the same while the monitor
 * runs: a collection that changes afterwards is refused, since the one member left may be another host.
 */
import * as v from 'valibot';

export type PowerState = 'on' | 'off' | 'changing';

export const SYSTEMS = '/redfish/v1/Systems';
const MAX_SHOWN = 16;

/** Source: DSP2046, ComputerSystem, PowerState. */
const POWER_STATES: Readonly<Record<string, PowerState>> = {
  On: 'on',
  Off: 'off',
  PoweringOn: 'changing',
  PoweringOff: 'changing',
  Paused: 'on',
};

const text = v.fallback(v.optional(v.string()), undefined);
const systemBody = v.looseObject({
  '@odata.id': text,
  Id: text,
  UUID: text,
  PowerState: v.optional(v.unknown()),
  Status: v.fallback(v.optional(v.looseObject({ State: text })), undefined),
});

export interface RequestedSystem {
  /** As requested. */
  readonly path: string;
  /** The path that responded, after a redirect. */
  readonly answeredPath: string;
  /** Required if the inventory has it. */
  readonly uuid: string | undefined;
}

/** The power of the requested system. Throws an Error with the reason if the body does not prove it. */
export function powerIn(body: unknown, requested: RequestedSystem): PowerState {
  const { path } = requested;
  const parsed = v.safeParse(systemBody, body);
  if (!parsed.success || Array.isArray(body)) throw new Error(`${path} is no representation of a system`);
  const system = parsed.output;
  const mismatch = mismatchOf(system, requested);
  if (mismatch !== undefined) throw new Error(`${path} returned another system: ${mismatch}`);
  const state = typeof system.PowerState === 'string' ? stateOf(system.PowerState) : undefined;
  if (state === undefined) {
    throw new Error(`the BMC does not report whether ${path} has power: PowerState is ${shown(system.PowerState)}`);
  }
  // A server that was moved to another slot leaves an absent system behind, without power, and runs in the other slot.
  if (state === 'off' && system.Status?.State === 'Absent') {
    throw new Error(`${path} is absent (Status.State): its power proves nothing`);
  }
  return state;
}

function stateOf(power: string): PowerState | undefined {
  return Object.hasOwn(POWER_STATES, power) ? POWER_STATES[power] : undefined;
}

function mismatchOf(
  system: v.InferOutput<typeof systemBody>,
  { path, answeredPath, uuid }: RequestedSystem,
): string | undefined {
  const id = idOf(path);
  const own = system['@odata.id'];
  if (uuid !== undefined && system.UUID?.toLowerCase() !== uuid.toLowerCase()) {
    return `its UUID is ${shown(system.UUID)}, the inventory has another`;
  }
  const isMoved = !isSamePath(answeredPath, path);
  if (own !== undefined && isSamePath(own, path)) return undefined;
  if (own !== undefined && !(isMoved && isSamePath(own, answeredPath))) return `its @odata.id is ${shown(own)}`;
  if (system.Id === id || (system.Id === undefined && !isMoved)) return undefined;
  return isMoved
    ? `it was redirected to ${answeredPath}, whose Id is ${shown(system.Id)}`
    : `its Id is ${shown(system.Id)}`;
}

function isSamePath(one: string, other: string): boolean {
  return canonical(one) === canonical(other);
}

/** Services write the fixed part in upper or lower case, with or without the last slash. */
function canonical(path: string): string {
  const segments = (URL.parse(path, 'https://bmc')?.pathname ?? path).replace(/\/+$/, '').split('/');
  return [...segments.slice(0, -1).map((segment) => segment.toLowerCase()), idOf(segments.at(-1) ?? '')].join('/');
}

/** The last segment of a path. */
export function idOf(path: string): string {
  const segment = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function pathOf(id: string): string {
  return `${SYSTEMS}/${encodeURIComponent(id)}`;
}

const SYSTEM_PATH = /^\/redfish\/v1\/Systems\/[^/?#\\\s]+\/?$/i;

/** The path of a member as the collection lists it; undefined unless it is below the collection. */
export function memberPath(listed: string): string | undefined {
  // Parsing removes dot segments, also encoded ones.
  const path = URL.parse(listed, 'https://bmc')?.pathname;
  return path !== undefined && SYSTEM_PATH.test(path) && SYSTEM_PATH.test(listed) ? path : undefined;
}

export type Choice = { readonly path: string } | { readonly refused: string };

/** @param before the choice of an earlier round. */
export function chooseSystem(paths: readonly string[], before: Choice | undefined): Choice {
  const [path] = paths;
  const ids = paths.slice(0, MAX_SHOWN).map((listed) => JSON.stringify(idOf(listed)));
  const list = `${ids.join(', ')}${paths.length > MAX_SHOWN ? ', …' : ''}`;
  if (path === undefined) return { refused: `the BMC lists no system in ${SYSTEMS}` };
  if (paths.length > 1) {
    return {
      refused: `the BMC has ${paths.length} systems (${list}): name the one of this host as "system" in the inventory`,
    };
  }
  if (before === undefined || ('path' in before && isSamePath(before.path, path))) return { path };
  const earlier = 'path' in before ? `had the system ${JSON.stringify(idOf(before.path))}` : 'had several systems';
  return {
    refused: `the BMC ${earlier} before and has ${list} now: name the one of this host as "system" in the inventory`,
  };
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return JSON.stringify(value).slice(0, 60);
}
