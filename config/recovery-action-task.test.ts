import { expect, it } from 'vitest';
import { type CustomTask, readCustomTask } from './custom-tasks.ts';
import { parseDocument } from './document.ts';
import type { Problem } from './problem.ts';

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

it('the name of the list of instances is among what the task asks for', () => {
  const problems: Problem[] = [];
  const text = '[heal]\ndriver = recovery_action\nactions = [{name: REBOOT}]\ninstances = failed_instances\n';
  const [section] = parseDocument('f', Buffer.from(text)).sections;
  const found = section && readCustomTask(section, problems);
  expect(found?.references).toMatchObject([{ steps: ['failed_instances'], at: { line: 4, column: 13 } }]);
});

it.each([
  ['[]', '"actions" takes a list of {name: …}'],
  ['[{name: RECREATE}]', '"actions" knows REBOOT, REBUILD, EVACUATE, WORKFLOW, not "RECREATE"'],
  ['[{name: MIGRATE}]', '"actions" knows REBOOT, REBUILD, EVACUATE, WORKFLOW, not "MIGRATE"'],
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
    'definition_file of a WORKFLOW takes an absolute path',
  ],
])('actions = %s is refused', (actions, message) => {
  expect(read(`actions = ${actions}`).problems).toEqual([message]);
});
