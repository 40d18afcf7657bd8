import { expect, it } from 'vitest';
import { parseDocument } from '../../document/document.ts';
import type { Problem } from '../../document/problem.ts';
import { readCustomTask } from '../custom-tasks.ts';
import type { CustomTask } from '../task-definition.ts';
import { recoveryActionTask } from './recovery-action.ts';

function read(options: string): { readonly task: CustomTask | undefined; readonly problems: readonly string[] } {
  const text = `[heal]\ndriver = recovery_action\n${options}\n`;
  const problems: Problem[] = [];
  const [section] = parseDocument('f', Buffer.from(text)).sections;
  const task = section && readCustomTask(section, problems)?.task;
  return { task, problems: problems.map(({ message }) => message) };
}

it('a chain of actions is taken in the form of Senlin', () => {
  const { task, problems } = read(
    'actions = [{name: REBUILD}, {name: WORKFLOW, params: {workflow_name: note, inputs: {host: "{{ host_name }}"}}}]',
  );
  expect(problems).toEqual([]);
  expect(task?.options.actions).toEqual([
    { name: 'REBUILD' },
    { name: 'WORKFLOW', params: { workflow_name: 'note', inputs: { host: '{{ host_name }}' } } },
  ]);
});

it('the name of the list of instances is one of the values that the task uses', () => {
  const problems: Problem[] = [];
  const text = '[heal]\ndriver = recovery_action\nactions = [{name: REBOOT}]\ninstances = failed_instances\n';
  const [section] = parseDocument('f', Buffer.from(text)).sections;
  const found = section && readCustomTask(section, problems);
  expect(found?.references).toMatchObject([{ steps: ['failed_instances'], at: { line: 4, column: 13 } }]);
});

it.each([
  ['MIGRATE', 'host_auto', 'does MIGRATE, which moves instances to a host that is back'],
  ['MIGRATE', 'instance', 'only the flow host_return can, not instance'],
  ['EVACUATE', 'host_return', 'does EVACUATE, but the host of the flow host_return is alive'],
  ['MIGRATE', 'host_return', undefined],
  ['EVACUATE', 'host_auto', undefined],
  ['REBOOT', 'host_return', undefined],
] as const)('%s in the flow %s: %s', (name, flow, fault) => {
  const { task } = read(`actions = [{name: REBOOT}, {name: ${name}}]`);
  const found = recoveryActionTask.faultIn?.(flow, task?.options ?? {});
  expect(found).toEqual(fault === undefined ? undefined : expect.stringContaining(fault));
});

it.each([
  ['[]', '"actions" takes a list of {name: …}'],
  ['[{name: RECREATE}]', '"actions" knows REBOOT, REBUILD, EVACUATE, MIGRATE, WORKFLOW, not "RECREATE"'],
  ['[{name: MIGRATE, params: {host: c1}}]', 'MIGRATE takes no params, not "host"'],
  ['[{name: REBOOT, parms: {}}]', 'an action takes name and params, not "parms"'],
  ['[{name: REBOOT, params: {type: SOFT}}]', 'REBOOT takes no params, not "type"'],
  ['[{name: WORKFLOW}]', 'a WORKFLOW needs params with workflow_name'],
  [
    '[{name: WORKFLOW, params: {workflow: x}}]',
    'WORKFLOW takes the params workflow_name, inputs, definition_file, not "workflow"',
  ],
  ['[{name: WORKFLOW, params: {workflow_name: x, inputs: [1]}}]', 'inputs of a WORKFLOW are names with values'],
  [
    '[{name: WORKFLOW, params: {workflow_name: x, definition_file: x.yaml}}]',
    'definition_file of a WORKFLOW takes an absolute path, or one that begins with ./ or ../',
  ],
])('actions = %s is refused', (actions, message) => {
  expect(read(`actions = ${actions}`).problems).toEqual([message]);
});
