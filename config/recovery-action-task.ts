/** Options of a task that is a chain of actions in Senlin's form: driver = recovery_action. */
import type { DriverForm } from './driver-form.ts';
import type { Value } from './expression.ts';
import { choice, text } from './kinds.ts';
import { structure } from './template-kinds.ts';

export const ACTIONS = ['REBOOT', 'REBUILD', 'EVACUATE', 'MIGRATE', 'WORKFLOW'] as const;

export const recoveryActionTask: DriverForm = {
  options: {
    actions: structure('actions', [], 'The actions in their order, e.g. [{name: REBUILD}].'),
    instances: text(
      'instances',
      '',
      { takes: 'the name of a value, or nothing', pattern: /^[a-z_]{0,64}$/ },
      'The name of the list of instances that are acted on; without one the instance or those of the failed host.',
    ),
    rebootType: choice('reboot_type', 'HARD', ['HARD', 'SOFT'], 'How REBOOT is done.'),
  },
  required: ['actions'],
  templates: ['actions'],
  parameters: 'none',
  // Each action on each instance is a step whose effect the cloud shows.
  afterCrash: ['check'],
  undo: 'impossible',
  check: ({ actions = null }) => checkActions(actions),
};

function checkActions(actions: Value): { readonly field: string; readonly fault: string } | undefined {
  const fault = (text: string) => ({ field: 'actions', fault: text });
  if (!Array.isArray(actions) || actions.length === 0) return fault('"actions" takes a list of {name: …}');
  for (const action of actions as readonly Value[]) {
    const given =
      action !== null && typeof action === 'object' && !Array.isArray(action) ? (action as Record<string, Value>) : {};
    const { name, params } = given;
    if (!ACTIONS.some((known) => known === name))
      return fault(`"actions" knows ${ACTIONS.join(', ')}, not ${JSON.stringify(name ?? null)}`);
    if (name === 'WORKFLOW') {
      const workflow = params as { workflow_name?: Value } | undefined;
      if (typeof workflow?.workflow_name !== 'string') return fault('a WORKFLOW needs params with workflow_name');
    }
  }
  return undefined;
}
