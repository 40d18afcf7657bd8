/**
 * Prevents an engine that lost its lease from acting. A cloud calls `confirm` before each call that changes something, and `isFresh` again,
 * synchronously, immediately before the first byte of the request is sent.
 */
export interface ActGuard {
  /** Resolves once the lease is confirmed and recent; rejects if it is lost. */
  confirm(): Promise<void>;
  /** Whether the last confirmation is recent enough to act on. After a process was frozen it is not. */
  isFresh(): boolean;
}
