/** How much an outbox may store, and when it is full. A full outbox accepts no report, and the monitor retries. Pure. */

export interface OutboxLimits {
  readonly maxReports: number;
  readonly maxBytes: number;
}

/** A report has about 300 bytes; no host should ever have ten thousand of them. */
export const OUTBOX_LIMITS: OutboxLimits = { maxReports: 10_000, maxBytes: 32 * 1024 * 1024 };

/** Undefined: it can store a report of this many bytes. */
export function whyFull(
  folder: string,
  stored: { readonly reports: number; readonly bytes: number },
  bytes: number,
  { maxReports, maxBytes }: OutboxLimits,
): string | undefined {
  if (stored.reports < maxReports && stored.bytes + bytes <= maxBytes) return undefined;
  const size = `${stored.reports} reports, ${stored.bytes} bytes`;
  return `the outbox ${folder} is full (${size}); see the log for the reason why none is delivered`;
}
