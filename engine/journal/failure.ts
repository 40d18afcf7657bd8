/** The failures of the journal, and their consequences for the process. */

/**
 * - `refused`: it cannot be opened (storage, mode, schema, another engine's file): nothing was done.
 * - `held`: another engine holds the lease and may be alive.
 * - `claimed`: a living engine of another resource of the cluster holds the lease.
 * - `lease_lost`: another engine took over: stop acting at once.
 * - `unknown`: SQLite could not determine whether a COMMIT is on the disk: stop, so that a new start reads the result.
 * - `constraint`: one request violated the rules; the others of its batch are valid.
 */
export type JournalFailureKind = 'refused' | 'held' | 'claimed' | 'lease_lost' | 'unknown' | 'constraint';

export class JournalFailure extends Error {
  override readonly name = 'JournalFailure';
  readonly kind: JournalFailureKind;

  constructor(kind: JournalFailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
  }

  /** The code of SQLite or of the system behind it, if there is one. */
  get code(): string | undefined {
    const { cause } = this;
    const isCoded = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string';
    return isCoded ? (cause.code as string) : undefined;
  }

  /** Whether the process must end: after these its view of the journal cannot be trusted. */
  get isFatal(): boolean {
    return this.kind === 'lease_lost' || this.kind === 'unknown';
  }
}

/** SQLite's own result code (`SQLITE_FULL`, `SQLITE_IOERR_WRITE`, …), if the error has one. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? error.code : undefined;
}
