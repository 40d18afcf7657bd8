import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program } from '#test/world/engine-world.ts';

/** Folder for a journal without waits for a disk. */
const MEMORY = '/dev/shm';

let directory = '';
/** Where simulations put their journals. */
let place = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-simulate-'));
  place = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'recovery-agent-simulate-'));
});
afterEach(() => {
  for (const path of [directory, place]) rmSync(path, { recursive: true, force: true });
});

function write(text: string): string {
  const file = join(directory, 'pipeline.conf');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function simulate(...argv: readonly string[]): Program {
  return new Program(['simulate', ...argv], { environment: { TMPDIR: place } });
}

/** Waits for the condition; the limit of the test bounds the wait. */
async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20);
}

describe('simulate', { timeout: 120_000 }, () => {
  it('reads nothing of the machine without a file, and names the file that the machine has', async () => {
    mkdirSync(join(directory, 'etc/masakari'), { recursive: true });
    const file = join(directory, 'etc/masakari/masakari-custom-recovery-methods.conf');
    writeFileSync(file, 'neither a list\n', { mode: 0o666 });
    const environment = { TMPDIR: place, RECOVERY_AGENT_ROOT: directory, OS_CLOUD: 'nowhere' };
    const { code, stdout } = await new Program(['simulate', '--flow', 'process'], { environment }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('recovery-agent simulate /etc/masakari/masakari-custom-recovery-methods.conf');
  });

  it('needs no configuration, prints first that nothing is executed, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await simulate('--flow', 'process').ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(
      'Custom tasks are played by stand-ins: no program is started, nothing is sent, no cloud is touched.',
    );
    expect(lines[2]).toBe('process_failure_recovery_tasks');
    expect(stdout).toMatch(/\| disable_compute_node_task +\| engine killed \| SUCCESS +\| finished \|/);
    expect(lines.at(-2)).toBe('All 9 runs ended in a defined state, and no instance was evacuated twice.');
    expect(readdirSync(place)).toEqual([]);
  });

  it('runs the lists of the file, starts none of its programs, and prints the required operator actions', async () => {
    const mark = join(directory, 'mark');
    const file = write(
      `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['page']\n[page]\ndriver = executable\ncommand = /usr/bin/touch ${mark}\n`,
    );
    const { code, stdout } = await simulate('--pipeline', file, '--flow', 'process', '--json', '--seed', '3').ended;
    expect(code).toBe(0);
    const { note, seed, good, runs } = JSON.parse(stdout);
    expect([note, seed, good, runs.length]).toEqual([expect.stringContaining('stand-ins'), 3, true, 5]);
    expect(runs[0]).toMatchObject({ flow: 'process', task: null, fault: null, status: 'finished', to_do: null });
    expect(runs[3]).toMatchObject({
      task: 'page',
      fault: 'engine killed',
      status: 'failed',
      flows: ['FAILURE'],
      duplicate_evacuations: 0,
      doubts: ['page'],
      to_do: 'find out whether it was done, then retry with --done page or --not-done page',
    });
    expect(readdirSync(directory).sort()).toEqual(['pipeline.conf']);
  });

  it('warns first of what this host lacks for the tasks that stand-ins play', async () => {
    const module = join(directory, 'task.mjs');
    writeFileSync(module, 'export const ran = () => {};\n', { mode: 0o644 });
    const file = write(
      `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['page','own']\n[page]\ndriver = executable\ncommand = /no/such/program\n[own]\ndriver = module\nmodule = ${module}\n`,
    );
    const { code, stdout } = await simulate('--pipeline', file, '--flow', 'process').ended;
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      expect.stringContaining(`${file}:5:11: warning: task "page" cannot be run: /no does not exist`),
      `${file}:8:10: warning: the module of task "own" exports no function "run"`,
      expect.stringContaining('played by stand-ins'),
    ]);
    const json = await simulate('--pipeline', file, '--flow', 'process', '--json').ended;
    expect(JSON.parse(json.stdout).warnings.map(({ line }: { line: number }) => line)).toEqual([5, 8]);
  });

  it.each([
    [['--flow', 'hosts'], /--flow must be one of host_auto, host_rh, instance, process, host_return/],
    [['--seed', '-1'], /./],
    [['--seed', 'x'], /--seed must be a whole number from 0 to 4294967295/],
    [['--seed', '4294967296'], /--seed must be a whole number/],
    [['--pipeline', ''], /--pipeline is empty/],
    [['a.conf', '--pipeline', 'b.conf'], /FILE and --pipeline FILE exclude each other/],
    [['a.conf', 'b.conf'], /unexpected argument "b.conf"/],
    [[''], /FILE is empty/],
    [['--undo-tasks'], /--undo-tasks goes with --run-tasks/],
    [['/nonexistent/x.conf'], /\/nonexistent\/x\.conf:1:1: the configuration file does not exist/],
    [['--pipeline', '/nonexistent/x.conf'], /\/nonexistent\/x\.conf:1:1: the configuration file does not exist/],
  ])('refuses %j', async (argv, message) => {
    const { code, stdout, stderr } = await simulate(...argv).ended;
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
  });

  it('ends in good order when it is interrupted, and leaves nothing behind', async () => {
    const program = simulate();
    await waitFor(() => readdirSync(place).length > 0);
    const { code, signal, stderr } = await program.kill('SIGINT');
    expect({ code, signal, stderr }).toEqual({
      code: 1,
      signal: null,
      stderr: 'recovery-agent: interrupted; nothing is left behind\n',
    });
    expect(readdirSync(place)).toEqual([]);
  });

  it('runs nothing of a file in which something is wrong', async () => {
    const file = write("[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['nothing_like_it']\n");
    const { code, stdout, stderr } = await simulate('--pipeline', file).ended;
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(`${file}:2:40: unknown task`)]);
  });

  it('names its exit codes in its help, as validate does', async () => {
    expect((await simulate('--help').ended).stdout).toMatch(
      /^Exit codes: 0 every run ended in a defined state.*\n1 .*2 /m,
    );
    expect((await new Program(['validate', '--help']).ended).stdout).toMatch(
      /^Exit codes: 0 nothing is wrong.*1 .*2 /m,
    );
  });
});

/** A task list with one program, which records each call and then runs the given text. */
function programOf(body: string, options = ''): string {
  const program = join(directory, 'page');
  const trace = join(directory, 'trace');
  writeFileSync(
    program,
    `#!/bin/sh\nread -r line\ncall=$(printf '%s' "$line" | sed 's/.*"call":"\\([a-z]*\\)".*/\\1/')\nprintf '%s %s\\n' "$call" "$1" >>${trace}\n${body}\n`,
    { mode: 0o755 },
  );
  return write(
    `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['page']\n[page]\ndriver = executable\ncommand = ${program} {{ host_name }} "two words"\n${options}`,
  );
}

const trace = (): string[] => readFileSync(join(directory, 'trace'), 'utf8').trim().split('\n');
const REAL = ['--flow', 'process', '--run-tasks'];

describe('simulate --run-tasks', { timeout: 120_000 }, () => {
  it('shows the run of a program: its words, its end, its messages, its outputs', async () => {
    const file = programOf(
      `echo 'a warning' >&2\nprintf '{"progress": 0.5, "message": "calling \\\\u001b[31m"}\\n{"outputs": {"ticket": "T-1", "more": 1}}\\n'`,
      'provides = ticket\n',
    );
    const { code, stdout } = await simulate(file, ...REAL).ended;
    expect(code).toBe(0);
    const block = stdout.slice(stdout.indexOf('What your programs did:')).split('\n');
    expect(block.slice(2, -2)).toEqual([
      `page: ${join(directory, 'page')} compute-1 "two words"`,
      expect.stringMatching(/^ {2}done, \d+(\.\d)? s$/),
      '  standard error and log:',
      '    a warning',
      '  progress:',
      '     50 % calling  [31m',
      '  outputs: {"ticket":"T-1","more":1}',
      '  dropped: more, which "provides" of page does not name',
      '',
    ]);
    expect(trace()).toEqual(['run compute-1']);
  });

  it.each([
    ['exit 3', '', 'failed', /^its program ended with exit code 3$/],
    ['exit 0', 'provides = ticket\n', 'in doubt', /without "ticket", which it provides$/],
    ['exec sleep 1000', 'timeout = 3\n', 'failed', /^timed out after 3 s$/],
  ])('prints why one failed, runs it once, and ends with exit code 1: %s', async (body, options, end, message) => {
    const file = programOf(`echo 'Traceback: boom' >&2\n${body}`, options);
    const { code, stdout } = await simulate(file, ...REAL, '--json').ended;
    expect(code).toBe(1);
    const { good, program_faults, runs } = JSON.parse(stdout);
    expect(good).toBe(false);
    expect(program_faults).toEqual([{ flow: 'process', fault: expect.stringMatching(/^ended failed: page: /) }]);
    expect(runs[0]).toMatchObject({
      status: 'failed',
      flows: ['FAILURE'],
      not_done: ['page'],
      reverted: [],
      skipped: [],
    });
    expect(runs[0].programs).toEqual([
      {
        task: 'page',
        call: 'run',
        attempt: 1,
        program: [join(directory, 'page'), 'compute-1', 'two words'],
        end,
        message: expect.stringMatching(message),
        seconds: expect.any(Number),
        log: ['Traceback: boom'],
        progress: [],
        outputs: null,
        outputs_dropped: [],
        lines_left_out: 0,
      },
    ]);
    expect(trace()).toEqual(['run compute-1']);
    const inWords = await simulate(file, ...REAL).ended;
    expect(inWords.stdout).toMatch(/process_failure_recovery_tasks, with your programs: ended failed: page: .*\n$/);
    expect(inWords.stdout).toContain('    Traceback: boom\n');
  });

  it('calls check after the run, and undo only with the option', async () => {
    const file = programOf('[ $call = undo ] && exit 4; exit 0', 'after_crash = check\nundo = yes\n');
    const requested = await simulate(file, ...REAL).ended;
    expect([requested.code, trace()]).toEqual([0, ['run compute-1', 'check compute-1']]);
    expect(requested.stdout).toMatch(/^page, check: .*\n {2}done, /m);
    const back = await simulate(file, ...REAL, '--undo-tasks').ended;
    expect([back.code, trace().slice(2)]).toEqual([1, ['run compute-1', 'check compute-1', 'undo compute-1']]);
    expect(back.stdout).toMatch(/^page, undo: .*\n {2}failed, .* s: its program ended with exit code 4$/m);
    expect(back.stdout).toContain('with your programs: undo of page: failed, its program ended with exit code 4\n');
  });

  it('undoes nothing that its flow has already undone', async () => {
    const file = programOf('[ $call = undo ]', 'on_failure = rollback\nundo = yes\n');
    const { code, stdout } = await simulate(file, ...REAL, '--undo-tasks', '--json').ended;
    expect([code, trace()]).toEqual([1, ['run compute-1', 'undo compute-1']]);
    expect(JSON.parse(stdout).runs[0]).toMatchObject({ flows: ['REVERTED'], reverted: ['page'] });
  });

  it('limits the output that it keeps of a program, and always keeps the end', async () => {
    const file = programOf('i=0; while [ $i -lt 190 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1');
    const { stdout } = await simulate(file, ...REAL).ended;
    expect(stdout).toContain('    … (160 lines before)\n    line 160\n');
    expect(stdout).toContain('    line 189\n');
    expect(stdout).toContain('Cut text ("…") is longer with --json.');
  });

  it('names the skipped tasks', async () => {
    const file = programOf('exit 1', 'when = host_name == "lab"\n');
    const { code, stdout } = await simulate(file, ...REAL).ended;
    expect([code, existsSync(join(directory, 'trace'))]).toEqual([0, false]);
    expect(stdout).toContain('| (all; skipped: page) ');
    expect(stdout).toContain('| page (skipped) ');
    expect(stdout).not.toContain('What your programs did');
  });
});

describe('simulate --scenario', { timeout: 120_000 }, () => {
  const CLOUD = 'cloud:\n  hosts: {c1: {capacity: 1}, c2: }\n  instances: {web: {host: c1}}\n';
  const DEATH = '{hostname: c1, event: STOPPED, cluster_status: OFFLINE, host_status: NORMAL, proof: fencing}';
  const EVENTS = `events:\n  - {at: 10, power_off: c1}\n  - {at: 30, report: ${DEATH}}\n`;

  function scenario(text: string): string {
    const file = join(directory, 'scenario.yaml');
    writeFileSync(file, text);
    return file;
  }

  it('prints the timeline, the final states and the summary, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await simulate('--scenario', scenario(CLOUD + EVENTS)).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {4}30\.000 {2}cloud {5}evacuate web \(node-1\)$/m);
    expect(stdout).toContain('\nFinal states\nnotification-1 COMPUTE_HOST c1: finished\n');
    expect(stdout).toContain('\nSummary\ninstances recovered: 1\ninstances left: 0\n');
    expect(readdirSync(place)).toEqual([]);
  });

  it('uses the configuration and the task lists that are named, and starts none of their programs', async () => {
    const mark = join(directory, 'mark');
    const file = write(
      `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_tasks = main:['page']\n[page]\ndriver = executable\ncommand = /usr/bin/touch ${mark}\n`,
    );
    const { code, stdout } = await simulate('--scenario', scenario(CLOUD + EVENTS), '--json', file).ended;
    const { timeline, summary, notifications } = JSON.parse(stdout);
    expect([code, existsSync(mark)]).toEqual([0, false]);
    expect(timeline).toContainEqual({
      at: 30,
      source: 'program',
      text: expect.stringContaining('run page, attempt 1'),
    });
    expect(notifications).toMatchObject([{ host: 'c1', status: 'finished' }]);
    expect(summary).toMatchObject({ recovered: 0, left: [{ instance: 'web' }], failed: [], held: [], duplicates: 0 });
  });

  it('ends with 4 if a recovery failed, and with 0 if it is held', async () => {
    const none = 'cloud:\n  hosts: {c1: , c2: {capacity: 0}}\n  instances: {web: {host: c1}}\n';
    const failed = await simulate('--scenario', scenario(none + EVENTS)).ended;
    expect(failed.code).toBe(4);
    expect(failed.stdout).toContain('\nrecoveries failed: 1\n  notification-1 c1: evacuate_instances_task: ');
    const held = 'configuration: "[gates]\\nmin_failed_hosts = 1\\nmax_failed_hosts_percent = 1\\n"\n';
    const waits = await simulate('--scenario', scenario(held + CLOUD + EVENTS)).ended;
    expect(waits.code).toBe(0);
    expect(waits.stdout).toContain('\nrecoveries held: 1\n  notification-1 c1: Held by gate failed-hosts: ');
  });

  it.each([
    [['--scenario', 'nowhere'], 'nowhere: there is no such folder or file'],
    [['--scenario', ''], '--scenario is empty'],
    [['--scenario', 'nowhere', '--flow', 'process'], '--scenario and --flow exclude each other'],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr } = await simulate(...argv).ended;
    expect([code, stderr]).toEqual([2, `recovery-agent: ${message}\n`]);
  });
});
