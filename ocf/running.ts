/**
 * Finds the engines of a resource that run on this node. Witnesses: /proc, and the lease in the journal. Files under /run only speed up
 * a positive result.
 */
import { isAlive, type ProcessName, processNamed, readProcessFile } from '#protocol/process-file.ts';
import type { Action } from './action.ts';
import { type EngineProcess, engineOf, livingEngines } from './engine-process.ts';
import { type Lease, readLease } from './lease-witness.ts';
import { ownershipOf } from './ownership.ts';
import type { Resource } from './resource.ts';

/** The engine in the process file, if it runs and belongs to the resource. */
export function engineInFile(resource: Resource): EngineProcess | undefined {
  const name = readProcessFile(resource.parameters.pidfile);
  if (name === undefined || !isAlive(name)) return undefined;
  const engine = engineOf(name.pid);
  return engine && ownershipOf(engine, resource) === 'ours' ? engine : undefined;
}

/** By /proc alone. */
export function enginesHere(resource: Resource): readonly EngineProcess[] {
  return livingEngines().filter((engine) => ownershipOf(engine, resource) === 'ours');
}

function isOfAnother({ resource }: { readonly resource: string | null | undefined }, { name }: Resource): boolean {
  return Boolean(resource && name && resource !== name);
}

/** The process that holds the lease, if it runs here and is not of another resource. Without its start time it must be an engine. */
function holderOf(lease: Lease, resource: Resource): EngineProcess | undefined {
  if (lease.state !== 'held' || lease.life !== 'alive' || isOfAnother(lease, resource)) return undefined;
  const engine = engineOf(lease.pid);
  if (engine) return isOfAnother(engine, resource) ? undefined : engine;
  const name = lease.isExact ? processNamed(lease.pid) : undefined;
  return name && unknownEngine(name);
}

function unknownEngine(name: ProcessName): EngineProcess {
  return { name, resource: undefined, journal: undefined, socket: undefined, pidfile: undefined, config: undefined };
}

/** By every witness. Takes at most about 3 s, if the journal's storage hangs. Never fails. */
export async function findEngines(resource: Resource, program: Action['program']): Promise<readonly EngineProcess[]> {
  const seen = enginesHere(resource);
  if (seen.length > 0) return seen;
  const lease = await readLease(program, resource.parameters);
  const holder = lease.is === 'lease' ? holderOf(lease, resource) : undefined;
  return holder ? [holder] : [];
}
