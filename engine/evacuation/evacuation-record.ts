/** What the status of an evacuation record of Nova means. Pure. */
import type { Evacuation } from '../cloud/cloud.ts';

/** Nothing more comes of it, and nothing of the instance is left on the host that it left. */
const SETTLED: ReadonlySet<string> = new Set(['completed', 'failed', 'error', 'cancelled', 'confirmed', 'reverted']);
const FAILED: ReadonlySet<string> = new Set(['failed', 'error', 'cancelled']);

/** What the compute service of a record's destination is. */
export type DestinationState = 'up' | 'down' | 'unknown';

/**
 * Whether the host that was evacuated may still hold something of the instance: `done` stays until its nova-compute has started and
 * cleaned up, which makes it `completed`; any other word is an evacuation that is under way, or one we do not know.
 */
export function mayRemainOnSource({ status }: { readonly status: string }): boolean {
  return !SETTLED.has(status);
}

/** It is under way, as far as Nova knows. A status that we do not know may be one of an evacuation under way. */
export function isOpen({ status }: Pick<Evacuation, 'status'>): boolean {
  return !SETTLED.has(status) && status !== 'done';
}

export function hasFailed({ status }: Pick<Evacuation, 'status'>): boolean {
  return FAILED.has(status);
}

export function newestFirst(evacuations: readonly Evacuation[]): Evacuation[] {
  return [...evacuations].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** Why an evacuation that did not end in time is left as it is. */
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

/** What an operator can do about an evacuation that Nova abandoned. */
export function wayOut(recovery: string, instance: string): string {
  const command = `recovery-agent retry ${recovery} --instance ${instance} --abandon-evacuation`;
  return `if it never ends, make sure that the instance runs nowhere, remove it from that destination (virsh undefine), and run "${command}"`;
}
