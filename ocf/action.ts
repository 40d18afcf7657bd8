/** The data of every action of the agent. */

export interface Action {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How to run this program again: executable and first arguments. */
  readonly program: readonly [file: string, ...argv: string[]];
  readonly log: (message: string) => void;
}

/** The part of the action's timeout after which the action ends by itself. */
const SHARE_OF_TIMEOUT = 0.9;

/** Milliseconds that an action may take by the cluster's timeout, with a reserve to end in order. */
export function timeoutOf(environment: Action['environment'], fallbackMs: number): number {
  const given = Number(environment.OCF_RESKEY_CRM_meta_timeout);
  return (Number.isFinite(given) && given > 0 ? given : fallbackMs) * SHARE_OF_TIMEOUT;
}
