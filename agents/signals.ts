/** The signals of the engine: SIGTERM and SIGINT stop it in order, SIGHUP changes nothing. */

/** Resolves at the first signal that requests an orderly stop. */
export function stopRequested(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

/** A configuration is applied by a restart only, so that it is never applied in part. */
export const HOW_CONFIGURATION_IS_TAKEN =
  'SIGHUP changes nothing: the configuration is read at the start; restart the resource to apply it ' +
  '(pcs resource restart, crm resource restart); recoveries in progress continue';
