import { expect, test } from 'vitest';
import { parseDocument } from '../document/document.ts';
import { formatProblem } from '../document/problem.ts';
import { checkParameters, checkPipelines, type TaskContract } from './check.ts';
import { DEFAULT_PIPELINES } from './default-lists.ts';
import { readPipelines } from './read-pipelines.ts';

const contract = (name: string, requires: string[] = [], provides: string[] = []): TaskContract => ({
  name,
  requires,
  provides,
});
const CONTRACTS = new Map(
  [
    contract('disable_compute_service_task', ['host_name']),
    contract('prepare_HA_enabled_instances_task', ['host_name'], ['instance_list']),
    contract('evacuate_instances_task', ['host_name', 'instance_list']),
    contract('stop_instance_task', ['instance_uuid']),
    contract('start_instance_task', ['instance_uuid']),
    contract('confirm_instance_active_task', ['instance_uuid']),
    contract('disable_compute_node_task', ['host_name', 'process_name']),
    contract('confirm_compute_node_disabled_task', ['host_name', 'process_name']),
    contract('restart_instances_task', ['host_name']),
  ].map((entry) => [entry.name, entry] as const),
);
const INPUTS = {
  host_auto: { host_name: 'text', notification_uuid: 'text' },
  host_rh: { host_name: 'text', notification_uuid: 'text', reserved_host_list: { listOf: 'text' } },
  instance: { instance_uuid: 'text', notification_uuid: 'text' },
  process: { process_name: 'text', host_name: 'text', notification_uuid: 'text' },
  host_return: { host_name: 'text', notification_uuid: 'text' },
  host_reboot: { host_name: 'text', notification_uuid: 'text' },
} as const;

function check(value: string): string[] {
  const text = `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = ${value}`;
  const document = parseDocument('f', new TextEncoder().encode(text));
  return checkPipelines(readPipelines(document.sections[0]).pipelines, CONTRACTS, INPUTS).map(formatProblem);
}

test('a task is refused in a flow for which it is not made', () => {
  const contracts = new Map([
    ...CONTRACTS,
    ['enable', { ...contract('enable'), flows: ['host_return'] }],
    ['odd', { ...contract('odd'), faultIn: (flow: string) => (flow === 'host_auto' ? 'is odd here' : undefined) }],
  ] as const);
  const text = `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = pre:['enable'],\n main:['odd']\nhost_return_recovery_tasks = main:['enable', 'odd']`;
  const { pipelines } = readPipelines(parseDocument('f', new TextEncoder().encode(text)).sections[0]);
  expect(checkPipelines(pipelines, contracts, INPUTS).map(formatProblem)).toEqual([
    'f:2:41: task "enable" is allowed in host_return only, not in host_auto',
    'f:3:8: task "odd" is odd here',
  ]);
});

test('the built-in lists pass', () => {
  expect(checkPipelines(DEFAULT_PIPELINES, CONTRACTS, INPUTS)).toEqual([]);
});

test('a task may occur more than once in a flow', () => {
  expect(check(`pre:['disable_compute_service_task'],\n main:['disable_compute_service_task']`)).toEqual([]);
});

test.each([
  [
    `pre:['disable_compute_servce_task'],\n  main:['evacuate_instances_task']`,
    ['f:2:41: unknown task "disable_compute_servce_task"; did you mean "disable_compute_service_task"?'],
  ],
  [
    `main:['evacuate_instances_task'],\n  post:['prepare_HA_enabled_instances_task']`,
    [
      'f:2:42: task "evacuate_instances_task" requires "instance_list", which neither the flow host_auto nor a task before it provides; "prepare_HA_enabled_instances_task" does, but runs after it',
    ],
  ],
  [
    `main:['stop_instance_task']`,
    [
      'f:2:42: task "stop_instance_task" requires "instance_uuid", which neither the flow host_auto nor a task before it provides; there are host_name, notification_uuid',
    ],
  ],
])('%j is reported', (value, expected) => {
  expect(check(value)).toEqual(expected);
});

test('options of a task that it does not know are reported, with the nearest one', () => {
  const at = { file: 'f', line: 3, column: 4 };
  const policy = {
    timeoutMs: 1,
    retries: 0,
    retryDelayMs: 0,
    onFailure: 'abort',
    parameters: new Map([['comand', { value: 'x', at }]]),
  } as const;
  const problems = (parameters: readonly string[] | 'any' | undefined) =>
    checkParameters(
      new Map([['a', policy]]),
      new Map([['a', { ...contract('a'), ...(parameters === undefined ? {} : { parameters }) }]]),
    ).map(formatProblem);
  expect(problems(['command'])).toEqual(['f:3:4: task "a" has no option "comand"; did you mean "command"?']);
  expect(problems(undefined)).toEqual(['f:3:4: task "a" has no option "comand"']);
  expect(problems(['comand'])).toEqual([]);
  expect(problems('any')).toEqual([]);
});
