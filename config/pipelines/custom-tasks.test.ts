/** Everything that can be wrong with tasks that operators define, each found before a failure and with its place. */
import { describe, expect, test } from 'vitest';
import { FLOW_INPUTS } from '#engine/flow/plan.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import type { Configuration } from '../configuration.ts';
import { ConfigurationError, formatProblem } from '../document/problem.ts';
import { loadConfiguration } from '../load.ts';
import { checkParameters, checkPipelines, withDefinitions } from './check.ts';
import { readCustomTask } from './custom-tasks.ts';
import type { DriverForm } from './drivers/driver-form.ts';
import { DRIVERS } from './drivers/drivers.ts';
import { POLICY_OPTIONS } from './task-policies.ts';

function load(text: string): Configuration {
  return loadConfiguration({
    mainFile: 'f',
    readFile: (path) => (path === 'f' ? { bytes: new TextEncoder().encode(text), mode: 0o600 } : undefined),
    definitions: { files: [], read: readCustomTask },
  });
}

/** All that `validate` finds. */
function problemsOf(text: string): string[] {
  try {
    const { customTasks, pipelines, taskPolicies, warnings } = load(text);
    const { contracts, problems } = withDefinitions(BUILT_IN_TASKS, customTasks);
    return [
      ...warnings,
      ...problems,
      ...checkPipelines(pipelines, contracts, FLOW_INPUTS),
      ...checkParameters(taskPolicies, contracts),
    ].map(formatProblem);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(formatProblem);
  }
}

/** A list of a host, by its main phase. */
function flow(...tasks: readonly string[]): string {
  const names = tasks.map((task) => `'${task}'`).join(',');
  return `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:[${names}]\n`;
}

const PREPARE = 'prepare_HA_enabled_instances_task';
const PROGRAM = 'driver = executable\ncommand = /bin/a';
const MAIL = 'driver = mail\nto = a@b\nfrom = c@d';
const HOOK = 'driver = webhook\nurl = http://x/';

/** Line 3: the section; line 4: its first option. */
function task(...lines: readonly string[]): string {
  return `${flow(PREPARE, 'a')}[a]\n${lines.join('\n')}\n`;
}

describe('a definition', () => {
  test('is read with its options, its parameters and the values that it uses', () => {
    const text = task(
      'driver = executable',
      'command = /bin/a --host {{ host_name }} "two words" {{ instances.count }}',
      'requires = instances, instances',
      'provides = ticket',
      'after_crash = check',
      'undo = yes',
      'when = {{ instances.count > 0 }}',
      'severity = {{ ticket_class default "low" }}',
      'timeout = 5',
    ).replace('{{ ticket_class default "low" }}', '{{ reserved_host default "low" }}');
    expect(problemsOf(text)).toEqual([]);
    const section = load(text).customTasks.get('a');
    expect(section?.task).toEqual({
      driver: 'executable',
      requires: ['instances'],
      provides: ['ticket'],
      afterCrash: 'check',
      undo: true,
      when: '{{ instances.count > 0 }}',
      options: {
        command: ['/bin/a', '--host', '{{ host_name }}', 'two words', '{{ instances.count }}'],
        user: '',
        groups: 'none',
        no_new_privileges: true,
      },
      parameters: { severity: '{{ reserved_host default "low" }}' },
    });
    expect(section?.references).toEqual([
      { steps: ['host_name'], at: { file: 'f', line: 5, column: 28 } },
      { steps: ['instances', 'count'], at: { file: 'f', line: 5, column: 56 } },
      { steps: ['reserved_host'], at: { file: 'f', line: 11, column: 15 } },
      { steps: ['instances', 'count'], at: { file: 'f', line: 10, column: 11 } },
    ]);
  });

  test('gets missing options from its driver', () => {
    const { customTasks } = load(`${task(MAIL)}[b]\n${PROGRAM}\n`);
    expect(customTasks.get('a')?.task).toMatchObject({ afterCrash: 'idempotent', undo: false, when: '', provides: [] });
    expect(customTasks.get('b')?.task).toMatchObject({ afterCrash: 'once', parameters: {} });
  });

  test.each([
    [
      'driver = executabel',
      'f:4:10: "driver" takes one of executable, module, webhook, mail, mistral, recovery_action, not "executabel"',
    ],
    [
      'driver = executable',
      'f:3:1: task "a" needs the option "command": The program and its arguments, as words; no shell sees them.',
    ],
    ['driver = mail\nto = a', 'f:3:1: task "a" needs the option "from": The address that the mail comes from.'],
    ['driver = mistral', 'f:3:1: task "a" needs the option "workflow_name": The name or id of the workflow.'],
    ['driver = module', 'f:3:1: task "a" needs the option "module": The file of the module: .js, .mjs, .ts or .mts.'],
    [
      'driver = recovery_action',
      'f:3:1: task "a" needs the option "actions": The actions in their order, e.g. [{name: REBUILD}].',
    ],
    [
      'driver = recovery_action\nactions = [{name: REBULD}]',
      'f:5:11: "actions" knows REBOOT, REBUILD, EVACUATE, MIGRATE, WORKFLOW, not "REBULD"',
    ],
    [
      `${PROGRAM}\ntimout = 5`,
      'f:6:1: unknown option "timout"; did you mean "timeout"? A parameter needs a name less like it',
    ],
    [`${MAIL}\nsubjct = x`, 'f:7:1: a task with driver mail has no option "subjct"; did you mean "subject"?'],
    [`${MAIL}\nretrys = 2`, 'f:7:1: a task with driver mail has no option "retrys"; did you mean "retries"?'],
    [`${MAIL}\nseverity = 2`, 'f:7:1: a task with driver mail has no option "severity"'],
    [`${PROGRAM}\nse-verity = 2`, 'f:6:1: a parameter has a name of letters, digits and "_", not "se-verity"'],
    [`${PROGRAM}\nuser = no body`, 'f:6:8: "user" takes the name of a user, or nothing, not "no body"'],
    [
      'driver = executable\ncommand = a b',
      'f:5:11: "command" must begin with the absolute path of a program, or with ./ or ../, not "a"',
    ],
    ['driver = executable\ncommand = /bin/a "b', 'f:5:11: "command" has a quote (") that does not end'],
    [
      'driver = module\nmodule = x.ts',
      'f:5:10: "module" takes an absolute path, or one that begins with ./ or ../, not "x.ts"',
    ],
    [`${MAIL}\nafter_crash = check`, 'f:7:15: a task with driver mail can be idempotent or once, not check'],
    [
      'driver = mistral\nworkflow_name = w\nafter_crash = once',
      'f:6:15: a task with driver mistral can be check, not once',
    ],
    [`${PROGRAM}\nafter_crash = twice`, 'f:6:15: "after_crash" takes one of once, check, idempotent, not "twice"'],
    [`${MAIL}\nundo = true`, 'f:7:8: a task with driver mail cannot be undone; tasks with executable and module can'],
    [`${PROGRAM}\nundo = maybe`, 'f:6:8: "undo" takes true or false, not "maybe"'],
    [
      `${PROGRAM}\nrequires = host_name, ticket-id`,
      'f:6:23: "requires" takes names of letters, digits and "_", not "ticket-id"',
    ],
    [`${PROGRAM}\nprovides = 1st`, 'f:6:12: "provides" takes names of letters, digits and "_", not "1st"'],
  ])('with %j is refused with the position', (lines, expected) => {
    expect(problemsOf(task(lines))).toContain(expected);
  });

  test('repeats nothing that may be a secret', () => {
    const problems = problemsOf(task(HOOK, 'token = hunter2', 'method = hunter2token'));
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('hunter2');
  });

  test.each([
    ['command = /bin/a {{ }}', 'f:5:21: "command" ends where a value is expected'],
    [
      'command = /bin/a {{ host_name | upper }}',
      'f:5:31: "command" has "| upper"; there are json, lines and join ", "',
    ],
    ['command = /bin/a\nnote = is {{ host_name + 1 }}', 'f:6:24: "note" cannot be understood from "+ 1 " on'],
    ['command = /bin/a\nwhen = host_name ==', 'f:6:20: "when" ends where a value is expected'],
    ['command = /bin/a\nwhen = host_name = "x"', 'f:6:18: "when" has "="; did you mean "=="?'],
    ['command = /bin/a\nwhen = (host_name', 'f:6:18: "when" lacks a ")"'],
    ['command = /bin/a\nwhen = {{ host_name', 'f:6:8: "when": no }} closes this {{'],
    [
      'command = /bin/a\nwhen = host_name is not null',
      'f:6:18: "when" has "is" where it should end; between two values write ==, !=, <, <=, >, >=, in, and, or; did you mean "!="?',
    ],
    ['command = /bin/a\nwhen = host_name is null', expect.stringMatching(/^f:6:18: .*did you mean "=="\?$/)],
    [
      'command = /bin/a\nwhen = host_name not in ["c1"]',
      expect.stringMatching(/^f:6:18: .*write "not" before the whole comparison/),
    ],
    [
      'command = /bin/a\nwhen = {{ host_name }} != null',
      expect.stringMatching(/^f:6:8: "when" has braces, which a condition does not need/),
    ],
    [
      'command = /bin/a\nwhen = {{ host_name }} == {{ host_name }}',
      expect.stringMatching(/^f:6:21: "when" has braces, which a condition does not need/),
    ],
    ['command = /bin/a\nwhen = host_name && true', 'f:6:18: "when" has "&&"; did you mean "and"?'],
    [
      'command = /bin/a\nwhen = host_name == compute-1',
      'f:6:21: "when" has compute-1, which is no name of a value; a text needs quotes: "compute-1"',
    ],
    [
      'command = /bin/a\nwhen = host_name in [c1, rack-2.example.org]',
      'f:6:26: "when" has rack-2.example.org, which is no name of a value; a text needs quotes: "rack-2.example.org"',
    ],
    ['command = /bin/a\nwhen = host_name == c1/c2', expect.stringContaining('a text needs quotes: "c1/c2"')],
  ])('with the template or condition %j is refused where it cannot be understood', (lines, expected) => {
    expect(problemsOf(task('driver = executable', lines))).toEqual(expect.arrayContaining([expected]));
  });

  test('with the lists of a flow in its section is refused', () => {
    const lines = 'command = /bin/a\nhost_return_recovery_tasks = main:["meter"]';
    expect(problemsOf(task('driver = executable', lines))).toEqual([
      expect.stringContaining(
        '"host_return_recovery_tasks" belongs to section [taskflow_driver_recovery_flows], above the sections of tasks',
      ),
    ]);
  });

  test.each([
    ['{{ instances.name }}', true],
    ['{{ instances.0.name }}/x', true],
    ['-v {{ recovered_instances.name | join " / " }}', true],
    ['{{ failed_instances.0.reason default "none" }}', true],
    ['"{{ ticket default instances.0.name }}"', true],
    ['-- {{ host_name }} {{ instances.name }}', false],
    ['{{ host_name }} -- "{{ instances.name }}"', false],
    ['--names={{ instances.name }} "{{ instances.count }}: {{ instances.name }}"', false],
    ['{{ instances.0.uuid }} {{ instances.name | json }} {{ ticket }}', false],
  ])('with a word that a tenant could make an option is refused: %s', (words, isRefused) => {
    const found = problemsOf(task('driver = executable', `command = /bin/a ${words}`)).filter((one) =>
      one.includes('tenant'),
    );
    const fault = expect.stringMatching(/^f:5:11: "command" begins a word with .*"-".* write "--" before it/);
    expect(found).toEqual(isRefused ? [fault] : []);
  });

  test('with a value that is never closed is refused for that alone', () => {
    expect(problemsOf(task('driver = executable', 'command = /bin/a {{ host_name'))).toEqual([
      'f:5:18: "command": no }} closes this {{',
    ]);
    expect(problemsOf(task('driver = webhook', 'url = http://x/{{ host_name }', 'when = host_name ==='))).toEqual([
      'f:5:16: "url": no }} closes this {{',
      expect.stringContaining('f:6:'),
    ]);
  });

  test('that compares what never compares is refused with the place', () => {
    const problemsIn = (line: string): string[] => problemsOf(task(PROGRAM, line));
    expect(problemsIn('when = host_name == "a" and instances > 3')).toEqual([
      'f:6:29: task "a" compares the list instances with the number 3, which is never true; did you mean instances.count > 3?',
    ]);
    expect(problemsIn('note = is it {{ host_name > 3 }}')).toEqual([
      expect.stringMatching(/^f:6:17: task "a" compares the text host_name/),
    ]);
    expect(problemsOf(task(HOOK, 'body = {a: ["{{ host_name == 3 }}"]}'))).toEqual([
      expect.stringMatching(/^f:6:8: task "a" compares the text host_name/),
    ]);
    expect(problemsIn('note = {{ instances.99.name }}')).toEqual([]);
  });

  test('without a driver, but with a similar option, is reported for that alone', () => {
    const reported = 'unknown option "drivr"; did you mean "driver"?';
    expect(problemsOf(task('drivr = executable', 'command = /bin/a'))).toEqual([`f:4:1: ${reported}`]);
    expect(problemsOf('[b]\ndrivr = executable\ncommand = /bin/a\n')).toEqual([`f:2:1: ${reported}`]);
  });

  test('with a parameter that resembles an option of this or another tool causes a warning', () => {
    const warning = (name: string, hint: string) =>
      `warning: "${name}" is not an option: it is only passed to the task as a parameter; ${hint}`;
    expect(
      problemsOf(task(PROGRAM, 'timeout = 5', 'timeouts = 6', 'retry = 3', 'cwd = /tmp', 'severity = high')),
    ).toEqual([
      `f:7:1: ${warning('timeouts', '"timeout" is the option')}`,
      `f:8:1: ${warning('retry', 'see "retries"')}`,
      `f:9:1: ${warning('cwd', 'a task runs in /')}`,
    ]);
    for (const name of ['max_retries', 'env', 'if']) {
      expect(problemsOf(task(PROGRAM, `${name} = 1`))).toEqual([expect.stringMatching(`f:6:1: warning: "${name}"`)]);
    }
    expect(load(task(PROGRAM, 'retry = 3')).customTasks.get('a')?.task.parameters).toEqual({ retry: '3' });
  });

  test('with a structure that is none is refused', () => {
    expect(problemsOf(task(HOOK, 'body = {a: "{{ host_name", b: 2}'))).toEqual([
      'f:6:13: "body" has "{{" without "}}"',
    ]);
    expect(problemsOf(task(HOOK, "body = {a: 1,\n  b: 'of {{ host_name = 1 }}'}"))).toEqual([
      'f:7:23: "body" has "="; did you mean "=="?',
    ]);
    expect(problemsOf(task(HOOK, 'headers = a: b: c'))).toEqual([
      expect.stringMatching(/^f:6:\d+: "headers" is neither JSON nor YAML: /),
    ]);
    const [problem = ''] = problemsOf(task(HOOK, 'body = {a: 1,\n  b: {c: 2 "d": 3}}'));
    expect(problem).toMatch(/^f:7:\d+: "body" is neither JSON nor YAML: .*[^:]$/);
    expect(problem).not.toMatch(/ at line /);
  });
});

describe('a value that a definition uses', () => {
  const unknown = 'which neither the flow host_auto nor a task before it provides';

  test.each([
    ['command', 'command = /bin/a --x {{ hots_name }}', 'f:5:25'],
    ['parameter', 'command = /bin/a\nnote = on {{ hots_name }}', 'f:6:14'],
    ['condition', 'command = /bin/a\nwhen = hots_name == "x"', 'f:6:8'],
    ['condition in braces', 'command = /bin/a\nwhen = {{ hots_name == "x" }}', 'f:6:11'],
  ])('must exist: in a %s', (_, lines, place) => {
    expect(problemsOf(task('driver = executable', lines))).toEqual([
      `${place}: task "a" uses "hots_name", ${unknown}; did you mean "host_name"?`,
    ]);
  });

  test.each(['when = host_name == compute1', 'when = host_name in ["c1", compute1]'])(
    'may be a text without its quotes: %s',
    (condition) => {
      expect(problemsOf(task(PROGRAM, condition))).toEqual([
        expect.stringMatching(/^f:6:\d+: task "a" uses "compute1", .*; if it is a text, it needs quotes: "compute1"$/),
      ]);
    },
  );

  test('must exist: in a structure, and with its place where the text is one template too', () => {
    const place = (body: string): string | undefined => problemsOf(task(HOOK, `body = ${body}`))[0]?.split(': ')[0];
    expect(place('{a: "{{ host_name }}", b: ["{{ hots_name }}"]}')).toBe('f:6:39');
    // In the quotes of JSON the text differs from its raw form.
    expect(place('{"a": "{{ host_name == \\"x\\" }}", "b": "{{ hots_name }}"}')).toMatch(/^f:6:\d+$/);
  });

  test.each([
    ['instances.cuont', '"instances" has no "cuont"; did you mean "count"?'],
    ['instances.0.nmae', '"instances" has no "nmae"; did you mean "name"?'],
    ['instances.hosst', '"instances" has no "hosst"; did you mean "host"?'],
    ['instances.zzz', '"instances" has no "zzz"'],
    ['instances.count.x', '"instances" is a number and has no "x"'],
    ['host_name.first', '"host_name" is a text and has no "first"'],
    ['reserved_host_list.cout', '"reserved_host_list" is a text and has no "cout"; did you mean "count"?'],
  ])('must have the field: %s', (path, fault) => {
    expect(problemsOf(task('driver = executable', `command = /bin/a {{ ${path} }}`))).toEqual([
      `f:5:21: task "a" uses "${path}", but ${fault}`,
    ]);
  });

  test.each([
    'instances.count',
    'instances.name',
    'instances.0.name',
    'reserved_host_list.0',
    'instance_list.any.thing',
  ])('may be %s', (path) =>
    expect(problemsOf(task('driver = executable', `command = /bin/a of={{ ${path} }}`))).toEqual([]),
  );

  test('may be anything within the output of another definition', () => {
    const text = `${flow('b', 'a')}[b]\n${PROGRAM}\nprovides = ticket\n[a]\n${PROGRAM} {{ ticket.id.0 }}\n`;
    expect(problemsOf(text)).toEqual([]);
  });

  test('may not come from a task after it', () => {
    const later = '"evacuate_instances_task" does, but runs after it';
    const list = flow(PREPARE, 'a', 'evacuate_instances_task');
    expect(problemsOf(`${list}[a]\n${PROGRAM} {{ failed_instances.count }}\n`)).toEqual([
      `f:5:21: task "a" uses "failed_instances", ${unknown}; ${later}`,
    ]);
    expect(problemsOf(`${list}[a]\n${PROGRAM}\nrequires = recovered_instances\n`)).toEqual([
      `f:6:12: task "a" requires "recovered_instances", ${unknown}; ${later}`,
    ]);
  });

  test('may not come from a task that waits for this one', () => {
    const text = `${flow('a', 'b')}[a]\n${PROGRAM} {{ y }}\nprovides = x\n[b]\n${PROGRAM} {{ x }}\nprovides = y\n`;
    expect(problemsOf(text)).toEqual([
      `f:5:21: task "a" uses "y", ${unknown}; "b" does, but that one needs what this one provides: they wait for each other`,
    ]);
  });

  test('may not be an input of another flow', () => {
    const list = "[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['a']\n";
    expect(problemsOf(`${list}[a]\n${PROGRAM} {{ instance_uuid }}\n`)).toEqual([
      'f:5:21: task "a" uses "instance_uuid", which neither the flow process nor a task before it provides; there are process_name, host_name, notification_uuid',
    ]);
  });

  test('that is required must exist', () => {
    expect(problemsOf(task(PROGRAM, 'requires = instnces'))).toEqual([
      `f:6:12: task "a" requires "instnces", ${unknown}; did you mean "instances"?`,
    ]);
  });
});

describe('the name of a task', () => {
  test('must be known, or be defined', () => {
    const hint = 'unknown task "a"; a task of your own is a section [a] with "driver"';
    expect(problemsOf(flow('a'))).toEqual([`f:2:42: ${hint}`]);
    expect(problemsOf(`${flow('a')}[a]\ncommand = /bin/a\n`)).toEqual([`f:2:42: ${hint}`]);
  });

  test('may not be that of a built-in task', () => {
    expect(problemsOf(`${flow(PREPARE, 'evacuate_instances_task')}[evacuate_instances_task]\n${PROGRAM}\n`)).toEqual([
      'f:3:1: "evacuate_instances_task" is a built-in task; a task of your own needs another name',
    ]);
  });

  test('may not be that of a section', () => {
    expect(problemsOf(flow('engine'))).toEqual(['f:2:42: no task can be called "engine": a section has that name']);
  });

  test('may occur more than once in a flow', () => {
    expect(problemsOf(`${flow('a', 'a')}[a]\n${PROGRAM}\n`)).toEqual([]);
  });

  test('is named once in a fault of its definition, however often it occurs', () => {
    const text = `${flow('a', 'b', 'a')}[a]\n${PROGRAM} {{ ticket }}\nprovides = x\n[b]\n${PROGRAM}\nprovides = y\n`;
    expect(problemsOf(text)).toHaveLength(1);
  });

  test('is not the one that gives what the task itself lacks', () => {
    const text = `${flow('a', 'a')}[a]\n${PROGRAM} {{ ticket }}\nprovides = ticket\n`;
    expect(problemsOf(text)).toEqual([expect.not.stringContaining('wait for each other')]);
  });

  test('that no list has is a warning, and its definition is checked all the same', () => {
    expect(problemsOf(`[a]\n${PROGRAM}\n`)).toEqual(['f:1:1: warning: no list names the task "a"']);
    expect(problemsOf(`[a]\n${PROGRAM}\nundo = maybe\n`)).toEqual([
      'f:1:1: warning: no list names the task "a"',
      'f:4:8: "undo" takes true or false, not "maybe"',
    ]);
  });
});

test('no task gives what the flow itself gives: the tasks after it would recover something else', () => {
  expect(problemsOf(task(PROGRAM, 'provides = ticket, host_name'))).toEqual([
    'f:2:78: task "a" provides "host_name", which the flow host_auto itself gives; rename it',
  ]);
});

describe.each(Object.entries<DriverForm>(DRIVERS))('the table of driver %s', (_, form) => {
  test('refers to its own fields', () => {
    const fields = Object.keys(form.options);
    expect(fields).toEqual(expect.arrayContaining([...form.required, ...form.templates]));
  });

  test('takes no name that every task has, and none twice', () => {
    const names = Object.values(form.options).map(({ name }) => name);
    const common = [
      'driver',
      'requires',
      'provides',
      'after_crash',
      'undo',
      'when',
      ...POLICY_OPTIONS.map((s) => s.name),
    ];
    expect(names.filter((name) => common.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('has a line of help for each option, and defaults that are what they are written as', () => {
    for (const [field, spec] of Object.entries(form.options)) {
      expect(spec.help).toMatch(/^[A-Z].{7,}\.$/);
      expect(spec.secret).toBe(false);
      if (!form.required.includes(field)) expect(spec.parse(spec.written)).toEqual({ value: spec.fallback });
    }
  });
});
