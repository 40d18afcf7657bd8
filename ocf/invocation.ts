/** Is the program started as a resource agent? By its place under resource.d, or by what the cluster puts into the environment. */

const ACTIONS = new Set([
  'start',
  'stop',
  'monitor',
  'meta-data',
  'validate-all',
  'reload',
  'reload-agent',
  'usage',
  'help',
]);

/** The action, or undefined when a person or a unit started the program. */
export function ocfAction(
  argv0: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const [action = ''] = argv;
  if (argv0.includes('/resource.d/')) return action;
  if (action === 'meta-data' || action === 'validate-all') return action;
  const isCluster = environment.OCF_RESOURCE_INSTANCE !== undefined || environment.OCF_RA_VERSION_MAJOR !== undefined;
  return isCluster && ACTIONS.has(action) ? action : undefined;
}
