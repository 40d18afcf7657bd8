/**
 * The order in which the instances of a failed host are moved. Pure.
 *
 * Why: if a tenant has hundreds of instances on the host, the single instance of another tenant would wait for all of them. The projects
 * alternate instead: the first instance of each, then the second of each. Within a project the order stays.
 */
export function inRotation<T extends { readonly projectId: string }>(instances: readonly T[]): T[] {
  const byProject = new Map<string, T[]>();
  for (const instance of instances) {
    const own = byProject.get(instance.projectId);
    if (own) own.push(instance);
    else byProject.set(instance.projectId, [instance]);
  }
  const turns: T[][] = [];
  for (const own of byProject.values()) {
    for (const [turn, instance] of own.entries()) {
      const round = turns[turn] ?? [];
      round.push(instance);
      turns[turn] = round;
    }
  }
  return turns.flat();
}
