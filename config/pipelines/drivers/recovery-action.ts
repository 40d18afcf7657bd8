/** Options of a task that is a chain of actions in Senlin's form: driver = recovery_action. */

import type { Value } from '../../expressions/expression.ts';
import { structure } from '../../expressions/template-kinds.ts';
import { choice, text } from '../../options/kinds.ts';
import type { FlowName } from '../pipelines.ts';
import type { DriverForm } from './driver-form.ts';

export const ACTIONS = ['REBOOT', 'REBUILD', 'EVACUATE', 'MIGRATE', 'WORKFLOW'] as const;

/** Allowed contents of `params`. */
const PARAMS: Readonly<Record<(typeof ACTIONS)[number], readonly string[]>> = {
  REBOOT: [],
  REBUILD: [],
  EVACUATE: [],
  MIGRATE: [],
  WORKFLOW: ['workflow_name', 'inputs', 'definition_file'],
};

export const recoveryActionTask: DriverForm = {
  options: {
    actions: structure('actions', [], 'The actions in their order, e.g. [{name: REBUILD}].'),
    instances: text(
      'instances',
      '',
      { takes: 'the name of a value, or nothing', pattern: /^(?:[a-z_][a-z0-9_]{0,63})?$/i },
      'The name of the list of instances that are acted on; without one the instance, those of the failed host, or those that left the host which is back.',
    ),
    rebootType: choice('reboot_type', 'HARD', ['HARD', 'SOFT'], 'How REBOOT is done.'),
  },
  required: ['actions'],
  templates: ['actions'],
  paths: ['actions'],
  names: ['instances'],
  parameters: 'none',
  // Each action on each instance is a step whose effect the cloud shows.
  afterCrash: ['check'],
  undo: 'impossible',
  check: ({ actions = null }) => checkActions(actions),
  faultIn: (flow, { actions = null }) => faultIn(flow, actions),
};

/** Only a host that is back can take its instances; on such a host nothing is dead that could be evacuated. */
function faultIn(flow: FlowName, actions: Value): string | undefined {
  const isReturn = flow === 'host_return';
  const misplaced = isReturn ? 'EVACUATE' : 'MIGRATE';
  const names = Array.isArray(actions) ? (actions as readonly { readonly name?: Value }[]).map(({ name }) => name) : [];
  if (!names.includes(misplaced)) return undefined;
  return isReturn
    ? 'does EVACUATE, but the host of the flow host_return is alive; MIGRATE brings its instances home'
    : `does MIGRATE, which moves instances to a host that is back: only the flow host_return can, not ${flow}`;
}

function checkActions(actions: Value): { readonly field: string; readonly fault: string } | undefined {
  const fault = (text: string) => ({ field: 'actions', fault: text });
  if (!Array.isArray(actions) || actions.length === 0) return fault('"actions" takes a list of {name: …}');
  for (const each of actions as readonly Value[]) {
    const given =
      each !== null && typeof each === 'object' && !Array.isArray(each) ? (each as Record<string, Value>) : {};
    const { name, params, ...rest } = given;
    const action = ACTIONS.find((known) => known === name);
    if (action === undefined)
      return fault(`"actions" knows ${ACTIONS.join(', ')}, not ${JSON.stringify(name ?? null)}`);
    const [odd] = Object.keys(rest);
    if (odd !== undefined) return fault(`an action takes name and params, not "${odd}"`);
    const wrong = faultOfParams(action, params);
    if (wrong !== undefined) return fault(wrong);
  }
  return undefined;
}

function faultOfParams(action: (typeof ACTIONS)[number], params: Value | undefined): string | undefined {
  if (params !== undefined && (params === null || typeof params !== 'object' || Array.isArray(params)))
    return `params of ${action} are names with values`;
  const given = (params ?? {}) as Record<string, Value>;
  const known = PARAMS[action];
  const odd = Object.keys(given).find((name) => !known.includes(name));
  if (odd !== undefined) {
    return `${action} takes ${known.length > 0 ? `the params ${known.join(', ')}` : 'no params'}, not "${odd}"`;
  }
  if (action !== 'WORKFLOW') return undefined;
  const { workflow_name: name, inputs = {}, definition_file: file = '' } = given;
  if (typeof name !== 'string' || name === '') return 'a WORKFLOW needs params with workflow_name';
  if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs))
    return 'inputs of a WORKFLOW are names with values';
  return typeof file === 'string' && (file === '' || file.startsWith('/'))
    ? undefined
    : 'definition_file of a WORKFLOW takes an absolute path, or one that begins with ./ or ../';
}
