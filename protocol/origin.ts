/** The origin of a report or a command, as the audit records it. */
import { type Caller, LOCAL_CALLER } from './caller.ts';
import { printable } from './printable.ts';

/**
 * The user of a command line, as the command line reports it when it connects to the engine's unix socket. It is the claim of a
 * process that may open the socket (mode 0660), and is only recorded.
 */
export interface LocalUser {
  readonly uid: number;
  /** The name of that user; null where the system has none. */
  readonly user: string | null;
  /** The user who called sudo; null without sudo. */
  readonly sudo_uid: number | null;
  readonly sudo_user: string | null;
}

export interface Origin {
  readonly caller: Caller;
  readonly user: LocalUser | null;
  /** The reason that the operator gave (`--reason`). */
  readonly reason: string | null;
}

/** Longest reason, in characters. */
export const MAX_REASON = 500;

/** Why a text is no valid reason; undefined if it is one. */
export function faultOfReason(text: string): string | undefined {
  if (text.trim() === '') return 'is empty';
  if (text.length > MAX_REASON) return `is longer than ${MAX_REASON} characters`;
  return printable(text) === text ? undefined : 'has control characters; write one line of text';
}

/** The reason of a command that overrides the engine's evidence, if none was given. */
export const NO_REASON = 'no reason given';

/** The origin of a process that did not introduce itself, or of this process. */
export const LOCAL_ORIGIN: Origin = { caller: LOCAL_CALLER, user: null, reason: null };
