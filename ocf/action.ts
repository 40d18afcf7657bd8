/** What every action of the agent is given. */

export interface Action {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How to run this program again: executable and first arguments. */
  readonly program: readonly [file: string, ...argv: string[]];
  readonly log: (message: string) => void;
}

/** The part of the action's timeout that is used before giving up by ourselves. */
const SHARE_OF_TIMEOUT = 0.9;

/** Milliseconds that an action may take by the cluster's word, with room to end in order. */
export function timeoutOf(environment: Action['environment'], fallbackMs: number): number {
  const given = Number(environment.OCF_RESKEY_CRM_meta_timeout);
  return (Number.isFinite(given) && given > 0 ? given : fallbackMs) * SHARE_OF_TIMEOUT;
}
