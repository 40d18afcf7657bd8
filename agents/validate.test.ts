import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program } from '#test/world/engine-world.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-validate-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(text: string): string {
  const file = join(directory, 'recovery-agent.conf');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const VALID = `
[DEFAULT]
verify_interval = 0.5
[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],
  main:['prepare_HA_enabled_instances_task'] post:['evacuate_instances_task']
instance_failure_recovery_tasks = {'pre': ['stop_instance_task'], 'main': ['start_instance_task'], 'post': []}
`;

const PIPELINE = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task','alert'],
  main:['prepare_HA_enabled_instances_task'], post:['evacuate_instances_task','mail_owners']

[alert]
driver = executable
command = /bin/true --level high {{ host_name }}
after_crash = idempotent
undo = true
timeout = 30
retries = 2
on_failure = continue
provides = ticket, colour
when = host_name != "lab-1"

[mail_owners]
driver = mail
to = owners
from = ops@example.org
requires = instances
timeout = 90
body = {{ instances.name | lines }} {{ ticket }}
`;

describe('validate', () => {
  it('passes a valid file, given as argument or as --config', async () => {
    const file = write(VALID);
    for (const argv of [[file], ['--config', file]]) {
      const { code, stdout, stderr } = await new Program(['validate', '--quiet', ...argv]).ended;
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${file} is valid.\n`, stderr: '' });
    }
  });

  it('explains each flow: what each task needs and gives, and how it runs', async () => {
    const file = write(PIPELINE);
    const { code, stdout, stderr } = await new Program(['validate', file]).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.slice(0, 24)).toEqual([
      `${file} is valid.`,
      '',
      'host_auto_failure_recovery_tasks',
      '  pre   disable_compute_service_task        built in, at most 1 h',
      '          needs  host_name (input)',
      '  pre   alert                               executable, idempotent,',
      '                                            at most 30 s, 2 retries,',
      '                                            continues on failure, can be undone',
      `          from   ${file}:5:1`,
      '          when   host_name != "lab-1"',
      '          needs  host_name (input)',
      '          gives  ticket -> mail_owners, colour -> no task',
      '  main  prepare_HA_enabled_instances_task   built in, at most 1 h',
      '          needs  host_name (input)',
      '          gives  instance_list -> evacuate_instances_task,',
      '                 instances -> mail_owners',
      '  post  evacuate_instances_task             built in, at most 1 h',
      '          needs  host_name (input),',
      '                 instance_list (prepare_HA_enabled_instances_task)',
      '          gives  recovered_instances -> no task, failed_instances -> no task',
      '  post  mail_owners                         mail, idempotent, at most 90 s',
      `          from   ${file}:16:1`,
      '          needs  instances (prepare_HA_enabled_instances_task),',
      '                 host_name (input), ticket (alert)',
    ]);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.filter((line) => line.endsWith('_failure_recovery_tasks'))).toHaveLength(4);
  });

  it('gives scripts the same as JSON, unless it is to be quiet', async () => {
    const file = write(PIPELINE);
    const { flows, valid, unlisted } = JSON.parse((await new Program(['validate', file, '--json']).ended).stdout);
    expect([valid, unlisted, flows.length]).toEqual([true, [], 6]);
    expect(flows[0]).toMatchObject({ flow: 'host_auto', option: 'host_auto_failure_recovery_tasks' });
    expect(flows[0].tasks[1]).toEqual({
      phase: 'pre',
      name: 'alert',
      driver: 'executable',
      defined_at: `${file}:5:1`,
      after_crash: 'idempotent',
      undo: true,
      when: 'host_name != "lab-1"',
      timeout: 30,
      retries: 2,
      retry_delay: 5,
      on_failure: 'continue',
      needs: [{ value: 'host_name', from: null }],
      gives: [
        { value: 'ticket', to: ['mail_owners'] },
        { value: 'colour', to: [] },
      ],
    });
    const quiet = await new Program(['validate', file, '--json', '-q']).ended;
    expect(JSON.parse(quiet.stdout)).toEqual({ valid: true, problems: [] });
  });

  it('explains the flows that are valid also when another one is not', async () => {
    const file = write(
      "[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['nothing_like_it']\n",
    );
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/:2:42: unknown task "nothing_like_it"/);
    expect(stdout).not.toContain('is valid');
    expect(stdout.match(/^\w+_failure_recovery_tasks$/gm)).toEqual([
      'host_rh_failure_recovery_tasks',
      'instance_failure_recovery_tasks',
      'process_failure_recovery_tasks',
    ]);
  });

  it('names definitions that no list names', async () => {
    const file = write('[alert]\ndriver = executable\ncommand = /bin/true\n');
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`${file}:1:1: warning: no list names the task "alert"\n`);
    expect(stdout).toContain(`\nDefined, and in no list:\n  alert (${file}:1:1)\n`);
  });

  it.each([
    ['[DEFAULT]\nverify_intervall = 1\n', 2, 1, /unknown option.*did you mean "verify_interval"/],
    ['[DEFAULT]\nverify_interval = soon\n', 2, 19, /number/],
    ['[DEFAULT]\nverify_interval = 100000\n', 2, 19, /300/],
    ['[engin]\nsocket = /run/x\n', 1, 1, /unknown section.*did you mean/],
    ['[engine]\nnode = c2\n[engine]\nnode = c1\n', 4, 1, /"node" is already set at/],
    ['[engine]\nsocket = run/x\n', 2, 10, /./],
    [
      "[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['evacuate_instance_task']\n",
      2,
      42,
      /unknown task.*did you mean "evacuate_instances_task"/,
    ],
    [
      "[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['evacuate_instances_task']\n",
      2,
      42,
      /requires/,
    ],
    ['[DEFAULT]\nthis is no option\n', 2, 1, /./],
  ])('names file, line, column and reason: %j', async (text, line, column, reason) => {
    const file = write(text);
    const { code, stdout, stderr } = await new Program(['validate', file]).ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const [first = ''] = stdout.split('\n');
    expect(first.startsWith(`${file}:${line}:${column}: `)).toBe(true);
    expect(first).toMatch(reason);
    const asJson = await new Program(['validate', file, '--json']).ended;
    expect(asJson.code).toBe(1);
    const { valid, problems } = JSON.parse(asJson.stdout);
    expect([valid, problems[0]]).toEqual([false, expect.objectContaining({ file, line, column, severity: 'error' })]);
  });

  it('finds every problem at once, in the order of the file', async () => {
    const file = write('[DEFAULT]\nverify_interval = soon\nfoo = 1\n[nope]\n');
    const { stdout } = await new Program(['validate', file]).ended;
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringContaining(`${file}:2:`),
      expect.stringContaining(`${file}:3:`),
      expect.stringContaining(`${file}:4:`),
    ]);
  });

  it.each([
    ['not there', () => join(directory, 'none.conf'), /none\.conf:1:1: the configuration file does not exist/],
    ['a directory', () => directory, /:1:1: the file cannot be read: .*no regular file/],
    ['a device without an end', () => '/dev/zero', /\/dev\/zero:1:1: the file cannot be read/],
    ['megabytes long', () => write('#'.repeat(3 * 1024 * 1024)), /:1:1: .*larger/],
    ['not text', () => write('\u0000\u0001\u0002'), /recovery-agent\.conf:1:1: /],
  ])('refuses a file that is %s', async (_, where, message) => {
    const { code, stdout, stderr } = await new Program(['validate', where()]).ended;
    expect([code, stdout, stderr]).toEqual([1, expect.stringMatching(message), '']);
  });

  it('prints no control characters for any file', async () => {
    const file = write('[DEFAULT]\nevil\u001b[31m\u009b = 1\n[sec\u001b]0;x\u0007]\n');
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect(code).toBe(1);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('repeats no password, and refuses one that every user can read', async () => {
    const file = write('[DEFAULT]\nos_privileged_user_password = tops3cret\nos_privileged_user_name = nova\n');
    chmodSync(file, 0o644);
    const { code, stdout } = await new Program(['validate', file]).ended;
    expect([code, stdout]).toEqual([1, expect.stringMatching(/:2:1: a password in a file that every user can read/)]);
    expect(stdout).not.toContain('tops3cret');
  });

  it('of a broken file is what every other command does first: exit code 2', async () => {
    const file = write('[DEFAULT]\nverify_interval = soon\n');
    for (const command of ['engine', 'status', 'list']) {
      const { code, stdout, stderr } = await new Program([command, '--config', file]).ended;
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(`${file}:2:19: `)]);
    }
  });
});
