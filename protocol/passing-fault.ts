/** Decides which faults of the system may pass by themselves, so that a later attempt on the same machine may succeed. */

/** errno(3): no space, no descriptors, no memory, in use. SQLite: full, busy, locked, no memory. */
const PASSING: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EBUSY',
  'EINTR',
  'ETIMEDOUT',
  'ETXTBSY',
  'EADDRINUSE',
  'SQLITE_FULL',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_NOMEM',
]);

/** The code of the system or of SQLite in an error, or in the error that caused it. */
export function faultCode(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error || isCoded(at); at = (at as Error).cause) {
    if (isCoded(at)) return at.code;
  }
  return undefined;
}

function isCoded(error: unknown): error is { readonly code: string } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
}

/** Extended codes of SQLite count as what they extend, e.g. `SQLITE_BUSY_SNAPSHOT`. */
export function mayPass(error: unknown): boolean {
  const code = faultCode(error) ?? '';
  return PASSING.has(code) || PASSING.has(code.split('_', 2).join('_'));
}
