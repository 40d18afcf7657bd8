/**
 * What an engine does that lost its lease, or whose journal failed: it exits at once.
 *
 * Invariant: after the loss nothing is completed or stored in order, since another engine may already continue the same recoveries.
 */
import { JournalFailure } from '#engine/journal/failure.ts';
import type { Log } from '#protocol/log.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export const EXIT_OF_FAILURE: Readonly<Record<JournalFailure['kind'], ExitCode>> = {
  refused: EXIT.noStorage,
  held: EXIT.held,
  claimed: EXIT.claimed,
  lease_lost: EXIT.leaseLost,
  unknown: EXIT.journalFailed,
  constraint: EXIT.failed,
};

/** Logs why the engine ended and exits with the code of the failure. */
export function exitAtOnce(error: unknown, log: Log): never {
  // No orderly stop: the work in progress must end at once.
  if (error instanceof JournalFailure) {
    log('error', error.message, { kind: error.kind });
    process.exit(EXIT_OF_FAILURE[error.kind]);
  }
  log('error', 'fault of the engine', {
    reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  process.exit(EXIT.failed);
}
