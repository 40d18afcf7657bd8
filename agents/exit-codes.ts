/** What the program's exit codes mean. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** The command line, or a configuration or notification given to it, is wrong. */
  usage: 2,
  noEngine: 3,
  /** The recovery that was waited for ended other than well. */
  recoveryFailed: 4,
  /** The journal cannot be used (its storage is missing, refused or damaged), or a path that the engine must create. */
  noStorage: 5,
  /** The engine lost its lease to another one: it stopped acting. */
  leaseLost: 10,
  /** The journal failed: what reached the disk is not known. */
  journalFailed: 11,
  /** Another engine holds the journal. */
  held: 12,
  /** The living engine of another resource of the cluster holds the journal. */
  claimed: 13,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for the operator. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.exitCode = exitCode;
  }
}

/** By its shape: in the executable each part has a class of its own. */
export function isCommandFailure(error: unknown): error is CommandFailure {
  return error instanceof Error && error.name === 'CommandFailure' && 'exitCode' in error;
}
