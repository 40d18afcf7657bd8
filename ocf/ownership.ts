/**
 * Decides whether an engine belongs to the resource. Pure.
 *
 * Invariant: an engine with the name of another resource is never ours, for any other common values. One with our name is ours
 * although parameters have changed since its start, as long as one of them shows that it belongs to this cluster.
 */
import { resolve } from 'node:path';
import type { EngineProcess } from './engine-process.ts';
import { DEFAULT_CONFIG } from './parameters.ts';
import type { Resource } from './resource.ts';

export type Ownership = 'ours' | 'of another resource' | 'unknown';

function isSame(theirs: string | undefined, ours: string): boolean {
  return ours !== '' && theirs === resolve(ours);
}

/** A value that an engine shares with the resource and that only one engine can have. */
export function sharedWith(
  engine: EngineProcess,
  { parameters }: Resource,
): 'journal' | 'socket' | 'pidfile' | undefined {
  return (['journal', 'socket', 'pidfile'] as const).find((name) => isSame(engine[name], parameters[name]));
}

export function ownershipOf(engine: EngineProcess, resource: Resource): Ownership {
  const bothNamed = engine.resource !== undefined && resource.name !== undefined;
  if (bothNamed && engine.resource !== resource.name) return 'of another resource';
  if (sharedWith(engine, resource) !== undefined) return 'ours';
  // Two clusters in one pid namespace (tests) may use one name.
  const sharesConfig = isSame(engine.config ?? DEFAULT_CONFIG, resource.parameters.config);
  return bothNamed && sharesConfig ? 'ours' : 'unknown';
}
