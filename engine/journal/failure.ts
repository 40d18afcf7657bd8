/** How the journal fails, and what follows for the process. */

/**
 * - `refused`: it cannot be opened (storage, mode, schema, another engine's file): nothing was done.
 * - `held`: another engine holds the lease and may be alive.
 * - `claimed`: a living engine of another resource of the cluster holds the lease.
 * - `lease_lost`: another engine took over: stop acting at once.
 * - `unknown`: SQLite could not say whether a COMMIT is on the disk: stop, so that a fresh start reads what is there.
 * - `constraint`: one request was against the rules; the others of its batch stand.
 */
export type JournalFailureKind = 'refused' | 'held' | 'claimed' | 'lease_lost' | 'unknown' | 'constraint';

export class JournalFailure extends Error {
  override readonly name = 'JournalFailure';
  readonly kind: JournalFailureKind;

  constructor(kind: JournalFailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
  }

  /** The code of SQLite or of the system behind it, where there is one. */
  get code(): string | undefined {
    const { cause } = this;
    const isCoded = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string';
    return isCoded ? (cause.code as string) : undefined;
  }

  /** Whether the process must end: after these nothing it believes about the journal can be trusted. */
  get isFatal(): boolean {
    return this.kind === 'lease_lost' || this.kind === 'unknown';
  }
}

/** SQLite's own result code (`SQLITE_FULL`, `SQLITE_IOERR_WRITE`, …), where the error has one. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? error.code : undefined;
}
