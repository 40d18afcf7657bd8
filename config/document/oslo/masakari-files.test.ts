/** Files of Masakari: whose rules they follow, and what is refused in them. The values: references.test.ts. */

import { describe, expect, test } from 'vitest';
import { load, MASAKARI, problemsOf } from '#test/world/masakari-files.ts';

test('sections that occur twice are one, in any case of their names; only an option that has an effect must occur once', () => {
  const text =
    '[host_failure]\nevacuate_all_instances = no\n[DEFAULT]\nverify_interval=2\n[Host_Failure]\nservice_disable_reason: x y\n[DEFAULT]\nwait_period_after_evacuation=3\n';
  const { hostFailure, general } = load({ [MASAKARI]: text }).options;
  expect(hostFailure).toMatchObject({ evacuateAllInstances: false, serviceDisableReason: 'x y' });
  expect(general).toMatchObject({ verifyIntervalMs: 2000, waitPeriodAfterEvacuationMs: 3000 });
  expect(problemsOf({ [MASAKARI]: `${text}verify_interval = 2` })).toEqual([
    `${MASAKARI}:9:1: "verify_interval" is already set at ${MASAKARI}:4:1; remove one of the two`,
  ]);
  expect(
    problemsOf({ [MASAKARI]: '[DEFAULT]\ndebug=1\ndebug=0\n[oslo_messaging_notifications]\ndriver=a\ndriver=b' }),
  ).toEqual([
    `${MASAKARI}:3:1: warning: "debug" has no effect here; logs go to standard error, see [engine] log_level`,
    `${MASAKARI}:4:1: warning: section [oslo_messaging_notifications] has no effect here; there is no message bus`,
  ]);
});

test('what Masakari does not know is ignored by both, with a warning; [default] is not [DEFAULT]', () => {
  expect(
    problemsOf({
      [MASAKARI]:
        '[DEFAULT]\nverify_intervall = 1\nevacuate_all_instances = true\nwhat-ever = 2\n[default]\nx=a#b\n[nova]\ny: [\n[own]\nz = 1',
    }),
  ).toEqual([
    `${MASAKARI}:2:1: warning: "verify_intervall" has no effect: it is unknown to Masakari too; did you mean "verify_interval"?`,
    `${MASAKARI}:3:1: warning: "evacuate_all_instances" has no effect: it does not belong to section [DEFAULT] but to [host_failure]`,
    `${MASAKARI}:4:1: warning: "what-ever" has no effect: it is unknown to Masakari too`,
    `${MASAKARI}:5:1: warning: unknown section [default]; did you mean [DEFAULT]?`,
    `${MASAKARI}:7:1: warning: unknown section [nova]; it is neither known nor a task of any list`,
    `${MASAKARI}:9:1: warning: unknown section [own]; it is neither known nor a task of any list`,
  ]);
});

test.each([
  ['[DEFAULT] # x', '1:1: expected a section, written as [NAME] on a line of its own'],
  ['[DEFAULT', '1:1: expected a section, written as [NAME] on a line of its own'],
  ['[]', '1:1: expected a section, written as [NAME] on a line of its own'],
  ['[DEFAULT]\nword', '2:1: expected NAME = VALUE or NAME: VALUE; a line that continues a value begins with a blank'],
  ['[DEFAULT]\n= word', '2:1: expected NAME = VALUE or NAME: VALUE; a line that continues a value begins with a blank'],
  ['[DEFAULT]\n  x = 1', '2:3: a line that begins with a blank continues an option, but there is none before it'],
  ['x = 1', '1:1: an option before the first section; put [DEFAULT] above it'],
  [
    '[DEFAULT]\nverify_interval = 1\n# c\n  2',
    '4:3: a line that begins with a blank continues an option, but there is none before it',
  ],
  [
    '[DEFAULT]\nos_region_name = 1\n verify_interval = 2',
    '3:2: the blank makes this line a part of "os_region_name"; remove it, or put the whole value in quotes',
  ],
  [
    '[DEFAULT]\nverify_interval = 2 # two',
    '2:19: "verify_interval" takes a number of seconds from 0.01 to 300, not "2 # two"',
  ],
])('%j is refused', (text, expected) => {
  expect(problemsOf({ [MASAKARI]: text })).toEqual([`${MASAKARI}:${expected}`]);
});

describe('the applicable rules', () => {
  const OWN = '[DEFAULT]\nverify_interval = 2 # two\n';

  test.each([
    '/etc/recovery-agent/recovery-agent.conf',
    '/etc/masakari/recovery-agent.conf',
    '/etc/recovery-agent/other.conf',
  ])('ours in %s', (path) => expect(load({ [path]: OWN }).options.general.verifyIntervalMs).toBe(2000));

  test('ours in a file with a section of ours', () => {
    expect(load({ '/x': `${OWN}[engine]\n` }).options.general.verifyIntervalMs).toBe(2000);
  });

  test.each(['/etc/kolla/masakari-engine/masakari.conf', '/etc/masakarimonitors/any.conf', '/x'])(
    "Masakari's in %s",
    (path) => expect(() => load({ [path]: OWN })).toThrow('not "2 # two"'),
  );

  test('if neither name nor section decides it, a value that our rules would read otherwise is reported', () => {
    expect(problemsOf({ '/x': '[DEFAULT]\nos_region_name = a\\#b\nservice_down_time = 1\n' })).toEqual([
      '/x:2:18: warning: "os_region_name" is read by Masakari\'s rules, because neither its name nor a section marks the file as one of recovery-agent',
      '/x:3:1: warning: "service_down_time" has no effect here; see [engine] lease_timeout',
    ]);
  });

  test('ours in our sections and in those of tasks, also in a file of Masakari', () => {
    const path = '/etc/masakari/masakari-custom-recovery-methods.conf';
    const text = `[taskflow_driver_recovery_flows]\ninstance_failure_recovery_tasks: pre:['stop_instance_task'],\n  main:['mail']\n[mail]\nto = a\\#b # c\n[engine]\nnode = n1 # c\n`;
    const { pipelines, taskPolicies, options } = load({ [path]: text });
    expect(pipelines.instance).toMatchObject({ pre: ['stop_instance_task'], main: ['mail'], post: [] });
    expect(taskPolicies.get('mail')?.parameters.get('to')?.value).toBe('a#b');
    expect(options.engine.node).toBe('n1');
    expect(problemsOf({ [path]: text.replace('a\\#b', 'a#b') })).toEqual([
      expect.stringContaining(':5:7: "#" begins a comment'),
    ]);
  });
});

test('the file with the task lists may have sections that the main file has', () => {
  const lists = '/etc/recovery-agent/masakari-custom-recovery-methods.conf';
  const own = '/etc/recovery-agent/recovery-agent.conf';
  const files = {
    [own]: '[DEFAULT]\nwait_period_after_evacuation = 60 # s\n',
    [lists]: '[DEFAULT]\n\n[taskflow_driver_recovery_flows]\n#\n# From masakari.conf\n#\n',
  };
  expect(load(files).options.general.waitPeriodAfterEvacuationMs).toBe(60_000);
  expect(problemsOf({ ...files, [lists]: '[DEFAULT]\nwait_period_after_evacuation = 60' })).toEqual([
    `${lists}:2:1: "wait_period_after_evacuation" is already set at ${own}:2:1; remove one of the two`,
  ]);
});

test('a section of a library with "driver" is no task, and no task can have its name', () => {
  const own = '/etc/recovery-agent/recovery-agent.conf';
  const notifications = '[oslo_messaging_notifications]\ndriver = noop\n';
  const warning = expect.stringContaining('warning: section [oslo_messaging_notifications] has no effect here');
  expect(problemsOf({ [own]: notifications })).toEqual([warning]);
  expect(problemsOf({ [MASAKARI]: notifications })).toEqual([warning]);
  const lists = "[taskflow_driver_recovery_flows]\ninstance_failure_recovery_tasks = main:['cache']\n";
  expect(problemsOf({ [own]: lists })).toContainEqual(
    expect.stringContaining(`no task can be called "cache": a section has that name`),
  );
});

test('an unknown section is an error if one of its files is ours', () => {
  const own = '/etc/recovery-agent/recovery-agent.conf';
  const lists = '/etc/masakari/masakari-custom-recovery-methods.conf';
  const files = { [own]: '[nova]\nx = 1\n', [lists]: '[nova]\ny = 1\n' };
  expect(problemsOf(files)).toEqual([`${own}:1:1: unknown section [nova]; it is neither known nor a task of any list`]);
});

describe('the folder masakari.conf.d', () => {
  const folder = `${MASAKARI}.d`;
  const files = {
    [MASAKARI]: '[DEFAULT]\nverify_interval = 2\n',
    [`${folder}/b.conf`]: '[DEFAULT]\nwait_period_after_evacuation = 5\n[host_failure]\nservice_disable_reason = b',
    [`${folder}/a.conf`]: '[DEFAULT]\nwait_period_after_evacuation = 4\nverify_interval = 2\n',
    [`${folder}/.c.conf`]: 'never read',
    [`${folder}/d.conf.bak`]: 'never read',
  };

  test('is read in the order of its names, the last value counts', () => {
    const { general, hostFailure } = load(files).options;
    expect(general).toMatchObject({ verifyIntervalMs: 2000, waitPeriodAfterEvacuationMs: 5000 });
    expect(hostFailure.serviceDisableReason).toBe('b');
  });

  test('must not contradict masakari.conf: which one counts depends on how Masakari is started', () => {
    expect(problemsOf({ ...files, [`${folder}/c.conf`]: '[DEFAULT]\nverify_interval = 3\ndebug = 1' })).toEqual([
      `${folder}/c.conf:2:1: "verify_interval" is already set to another value at ${MASAKARI}:2:1, and which of the two counts depends on how Masakari is started; remove one of them`,
      `${folder}/c.conf:3:1: warning: "debug" has no effect here; logs go to standard error, see [engine] log_level`,
    ]);
  });

  test('leaves a reference to what both have with different values unknown', () => {
    const main = '[DEFAULT]\nos_region_name = $masakari_topic\nmasakari_topic = a\n';
    const shown = problemsOf({ [MASAKARI]: main, [`${folder}/a.conf`]: '[DEFAULT]\nmasakari_topic = b\n' });
    expect(shown.filter((line) => !line.includes('warning'))).toEqual([
      `${MASAKARI}:2:18: "os_region_name": $masakari_topic has different values at ${MASAKARI}:3:1 and ${folder}/a.conf:2:1; write $$ for a $, or the value itself`,
    ]);
  });

  test('is not read for a file of ours', () => {
    const path = '/etc/recovery-agent/recovery-agent.conf';
    expect(load({ [path]: '', [`${path}.d/a.conf`]: 'never read' }).warnings).toEqual([]);
  });
});

test('an option that only Masakari or one of its libraries reads is a warning', () => {
  const names = [
    'graceful_shutdown_timeout',
    'conn_pool_ttl',
    'sql_connection',
    'cafile',
    'log_color',
    'policy_file',
    'logdir',
  ];
  const sections = ['oslo_messaging_metrics', 'cache', 'service_user', 'profiler_otlp', 'ssl', 'wsgi', 'DATABASE'];
  const text = `[DEFAULT]\n${names.map((name) => `${name} = 1\n`).join('')}${sections.map((name) => `[${name}]\nx = $y\n`).join('')}`;
  expect(problemsOf({ [MASAKARI]: text })).toEqual([
    ...names.map((name) => expect.stringContaining(`warning: "${name}" has no effect here; `)),
    ...sections.map((name) => expect.stringContaining(`warning: section [${name.toLowerCase()}] has no effect here`)),
  ]);
});
