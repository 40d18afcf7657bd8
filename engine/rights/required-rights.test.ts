import { expect, test } from 'vitest';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { needsOf } from './required-rights.ts';

const TASKS = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['owners'],main:['move'],post:['chain', 'owners']
[owners]
driver = mail
to = owners
from = ops@example.org
requires = instances
smtp_host = mx.example.org
[move]
driver = mistral
workflow_name = move_{{ host_name }}
[chain]
driver = recovery_action
requires = instances
actions = [{name: REBOOT}, {name: WORKFLOW, params: {workflow_name: w, definition_file: /w.yaml}}]
[unlisted]
driver = mistral
workflow_name = never
[failover_segment s]
hosts = c1
reserved_hosts = c2
[host_failure]
add_reserved_host_to_aggregate = true
`;

function needsIn(text: string) {
  const content = { bytes: Buffer.from(text), mode: 0o600 };
  const readFile = (path: string) => (path === 'f' ? content : undefined);
  return needsOf(loadConfiguration({ mainFile: 'f', readFile, definitions: { files: [], read: readCustomTask } }));
}

test('what the tasks of the lists need, also within chains of actions, and each task once', () => {
  const { mailServers, ...needs } = needsIn(TASKS);
  expect(needs).toEqual({
    aggregates: true,
    ownerTasks: ['owners'],
    workflows: [
      { task: 'move', workflow: undefined, isDefined: false },
      { task: 'chain', workflow: 'w', isDefined: true },
    ],
  });
  expect(mailServers.map(({ task, host, user }) => [task, host, user])).toEqual([['owners', 'mx.example.org', '']]);
});

test('nothing where there is nothing', () => {
  expect(needsIn('')).toEqual({ aggregates: false, ownerTasks: [], workflows: [], mailServers: [] });
});
