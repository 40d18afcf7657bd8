/** Instances as other tasks get them: with the names of Nova's API, for templates and programs. */
import type { Shape } from '#config/expressions/shape.ts';
import type { InstanceSnapshot } from '../evacuation/original-state-decision.ts';
import type { Json } from '../flow/plan.ts';
import type { TaskContext } from '../flow/task.ts';

const FIELDS = {
  uuid: 'text',
  name: 'text',
  /** Its former host. */
  host: 'text',
  /** Nova's vm_state before the failure. */
  vm_state: 'text',
  project_id: 'text',
  user_id: 'text',
  ha_enabled: 'any',
} as const;

/** Those that are to be moved. */
export const LISTED: Shape = { listOf: { fields: FIELDS } };
/** Those that were moved; `new_host`: their present host. */
export const RECOVERED: Shape = { listOf: { fields: { ...FIELDS, new_host: 'text' } } };
/** Those that were not; `reason`: Nova's, or ours. */
export const NOT_RECOVERED: Shape = { listOf: { fields: { ...FIELDS, reason: 'text' } } };

export function listed(instance: InstanceSnapshot): { readonly [name: string]: Json } {
  const { uuid, name, host, vmState, projectId, userId, haEnabled } = instance;
  return { uuid, name, host, vm_state: vmState, project_id: projectId, user_id: userId, ha_enabled: haEnabled };
}

/** Those that other tasks of this recovery moved; `new_host`: their destination. */
export async function movedBefore(context: TaskContext): Promise<readonly { readonly [name: string]: Json }[]> {
  const moves = new Map(
    (await context.history.movedBefore()).map(({ before, detail }) => {
      const snapshot = before as unknown as InstanceSnapshot;
      return [snapshot.uuid, { ...listed(snapshot), new_host: detail.destination ?? null }] as const;
    }),
  );
  return [...moves.values()];
}
