/** What the status of an evacuation record of Nova tells. Pure. */

/** Nothing more comes of it, and nothing of the instance is left on the host that it left. */
const SETTLED: ReadonlySet<string> = new Set(['completed', 'failed', 'error', 'cancelled', 'confirmed', 'reverted']);

/**
 * Whether the host that was evacuated may still hold something of the instance: `done` stays until its nova-compute has started and
 * cleaned up, which makes it `completed`; any other word is an evacuation that goes on, or one we do not know.
 */
export function mayRemainOnSource({ status }: { readonly status: string }): boolean {
  return !SETTLED.has(status);
}
