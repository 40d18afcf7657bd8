/** The meaning of the status of an evacuation record in Nova. Pure. */
import type { Evacuation } from '../cloud/cloud.ts';

/** The evacuation is over, and nothing of the instance is left on its former host. */
const SETTLED: ReadonlySet<string> = new Set(['completed', 'failed', 'error', 'cancelled', 'confirmed', 'reverted']);
const FAILED: ReadonlySet<string> = new Set(['failed', 'error', 'cancelled']);

/** State of the compute service of a record's destination. */
export type DestinationState = 'up' | 'down' | 'unknown';

/**
 * Whether the evacuated host may still contain parts of the instance. `done` stays until the host's nova-compute has started and cleaned
 * up, which makes it `completed`. Any other status is an evacuation in progress, or an unknown one.
 */
export function mayRemainOnSource({ status }: { readonly status: string }): boolean {
  return !SETTLED.has(status);
}

/** The evacuation is in progress, as far as Nova knows. An unknown status may be one of an evacuation in progress. */
export function isOpen({ status }: Pick<Evacuation, 'status'>): boolean {
  return !SETTLED.has(status) && status !== 'done';
}

export function hasFailed({ status }: Pick<Evacuation, 'status'>): boolean {
  return FAILED.has(status);
}

export function newestFirst(evacuations: readonly Evacuation[]): Evacuation[] {
  return [...evacuations].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** Reason why an evacuation that did not end in time is left unchanged. */
export function describeStuck(
  { id, status, destinationHost }: Evacuation,
  destination: DestinationState,
  waitedMs: number,
): string {
  const late = `it did not arrive in ${Math.round(waitedMs / 1000)} s`;
  if (destinationHost === null) return `${late}: Nova's evacuation ${id} is still ${status}, without a destination`;
  const record = `Nova's evacuation ${id} to ${destinationHost} is still ${status}`;
  return destination === 'up'
    ? `${late}: ${record}`
    : `${late}: ${record}, and the compute service of ${destinationHost} is ${destination}`;
}

/** An operator's action for an evacuation that Nova abandoned. */
export function wayOut(recovery: string, instance: string): string {
  const command = `recovery-agent retry ${recovery} --instance ${instance} --abandon-evacuation`;
  return `if it never ends, make sure that the instance runs nowhere, remove it from that destination (virsh undefine), and run "${command}"`;
}
