import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowName } from '#config/pipelines/pipelines.ts';
import { TaskFailure } from '#engine/flow/outcome.ts';
import { realClock } from '#protocol/clock.ts';
import { loadChecked } from '../checked-configuration.ts';
import { FAULTS } from './fault.ts';
import { type MatrixRow, type MatrixSettings, simulateFlow } from './matrix.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-matrix-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function simulate(flow: FlowName, text: string, more: Partial<MatrixSettings> = {}): Promise<MatrixRow[]> {
  const file = join(directory, 'recovery-agent.conf');
  writeFileSync(file, text, { mode: 0o600 });
  const configuration = loadChecked(file, 'ignore', join(directory, 'none'));
  const rows: MatrixRow[] = [];
  const signal = new AbortController().signal;
  for await (const row of simulateFlow(flow, { configuration, seed: 1, signal, ...more })) rows.push(row);
  return rows;
}

function rowOf(rows: readonly MatrixRow[], task: string, fault: string): MatrixRow | undefined {
  return rows.find(({ disturbance }) => disturbance?.task === task && disturbance.fault === fault);
}

const PAGE = `[page]
driver = executable
command = /bin/false {{ host_name }}
provides = ticket
`;

function lists(pre: string): string {
  return `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = ${pre},main:['disable_compute_node_task']\n`;
}

describe('the matrix of a simulation', { timeout: 120_000 }, () => {
  it('of the default list of a host runs undisturbed and with each fault at each task', async () => {
    const rows = await simulate('host_auto', '');
    expect(rows).toHaveLength(1 + 3 * FAULTS.length);
    expect(rows.every(({ good }) => good)).toBe(true);
    expect(rows[0]).toMatchObject({ disturbance: null, status: 'finished', recovered: 6, total: 6, toDo: null });
    for (const task of rows.slice(1).map(({ disturbance }) => disturbance?.task ?? '')) {
      // The next engine resumes the same flow, and the outage is waited out.
      expect(rowOf(rows, task, 'engine killed')).toMatchObject({
        flows: ['SUCCESS'],
        resumes: 1,
        recovered: 6,
        duplicateEvacuations: 0,
        toDo: null,
      });
      expect(rowOf(rows, task, 'cloud away')).toMatchObject({ status: 'finished', recovered: 6, toDo: null });
      for (const fault of ['fails', 'hangs']) {
        expect(rowOf(rows, task, fault)).toMatchObject({
          status: 'failed',
          recovered: 0,
          toDo: 'fix the cause, then retry',
        });
      }
    }
  });

  it.each<[FlowName, number]>([
    ['host_rh', 6],
    ['instance', 1],
    ['process', 0],
  ])('of the default list of %s ends well at every point where an engine is killed', async (flow, total) => {
    const rows = await simulate(flow, '');
    expect(rows[0]).toMatchObject({ status: 'finished', recovered: total, total, toDo: null });
    const killed = rows.filter(({ disturbance }) => disturbance?.fault === 'engine killed');
    expect(killed.length).toBeGreaterThan(1);
    for (const row of killed) expect(row).toMatchObject({ flows: ['SUCCESS'], resumes: 1, recovered: total });
  });

  const TWICE = `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['page','disable_compute_service_task','page'],
  main:['prepare_HA_enabled_instances_task','evacuate_instances_task','prepare_HA_enabled_instances_task'],
  post:['evacuate_instances_task','page']
`;

  it.each(['once', 'check', 'idempotent'])(
    'of a list that names tasks more than once runs each occurrence, wherever an engine is killed (%s)',
    async (afterCrash) => {
      const rows = await simulate('host_auto', `${TWICE}${PAGE}after_crash = ${afterCrash}\n`);
      expect(rows).toHaveLength(1 + 8 * FAULTS.length);
      expect(rows.filter(({ good }) => !good)).toEqual([]);
      expect(rows[0]).toMatchObject({
        status: 'finished',
        recovered: 6,
        duplicateEvacuations: 0,
        done: { page: 1, 'page#2': 1, 'page#3': 1 },
      });
      const killed = rows.filter(({ disturbance }) => disturbance?.fault === 'engine killed');
      expect(killed).toHaveLength(8);
      for (const row of killed) {
        const { task = '' } = row.disturbance ?? {};
        expect(row).toMatchObject({ recovered: task.startsWith('page') ? row.recovered : 6, duplicateEvacuations: 0 });
        if (!task.startsWith('page')) expect(row).toMatchObject({ flows: ['SUCCESS'], status: 'finished' });
        else expect(row.doubts).toEqual(afterCrash === 'once' ? [task] : []);
      }
    },
  );

  const HOME = `[taskflow_driver_recovery_flows]
host_return_recovery_tasks = pre:['enable_compute_service_task'],main:['home'],post:['page']
[home]
driver = recovery_action
actions = [{name: MIGRATE}]
`;

  it('of a returned host migrates its instances back, each by one migration, at every point where an engine is killed', async () => {
    const rows = await simulate('host_return', `${HOME}${PAGE}after_crash = idempotent\n`);
    expect(rows).toHaveLength(1 + 3 * FAULTS.length);
    expect(rows.every(({ good }) => good)).toBe(true);
    expect(rows[0]).toMatchObject({
      disturbance: null,
      status: 'finished',
      flows: ['SUCCESS'],
      recovered: 6,
      total: 6,
      done: { page: 1 },
      toDo: null,
    });
    for (const task of ['enable_compute_service_task', 'home', 'page']) {
      expect(rowOf(rows, task, 'engine killed')).toMatchObject({
        flows: ['SUCCESS'],
        resumes: 1,
        recovered: 6,
        duplicateEvacuations: 0,
      });
      expect(rowOf(rows, task, 'cloud away')).toMatchObject({ status: 'finished', recovered: 6 });
    }
    expect(rowOf(rows, 'home', 'fails')).toMatchObject({ status: 'failed', recovered: 0 });
  });

  it('of a returned host counts no instance that no task would migrate back', async () => {
    const lists =
      "[taskflow_driver_recovery_flows]\nhost_return_recovery_tasks = main:['enable_compute_service_task']\n";
    const rows = await simulate('host_return', lists);
    expect(rows[0]).toMatchObject({ status: 'finished', total: 0, toDo: null });
    const [nothing, ...more] = await simulate('host_return', '');
    expect([nothing?.status, nothing?.flows, more]).toEqual(['finished', [], []]);
  });

  it.each([
    ['restart', ['ABANDONED', 'SUCCESS'], 6],
    ['rollback', ['REVERTED', 'SUCCESS'], 6],
  ])('shows what the flow of a host does after its engine died: %s', async (policy, flows, recovered) => {
    const rows = await simulate(
      'host_auto',
      `[taskflow_driver_recovery_flows]\nhost_auto_failure_recovery_after_crash = ${policy}\n`,
    );
    const killed = rows.filter(({ disturbance }) => disturbance?.fault === 'engine killed');
    expect(killed).toHaveLength(3);
    for (const row of killed)
      expect(row).toMatchObject({ good: true, flows, recovered, duplicateEvacuations: 0, status: 'finished' });
  });

  it('leaves a task that may run once in doubt when its engine is killed', async () => {
    const rows = await simulate('process', lists("pre:['page']") + PAGE);
    expect(rows.every(({ good }) => good)).toBe(true);
    expect(rowOf(rows, 'page', 'engine killed')).toMatchObject({
      status: 'failed',
      flows: ['FAILURE'],
      doubts: ['page'],
      done: { page: 1 },
      toDo: 'find out whether it was done, then retry with --done page or --not-done page',
    });
    // The outage fails the flow after it; the round that takes it up again does not do it again.
    expect(rowOf(rows, 'page', 'cloud away')).toMatchObject({ flows: ['FAILURE', 'SUCCESS'], done: { page: 1 } });
  });

  it('runs an idempotent task again when its engine is killed, and checks a task with a check', async () => {
    const text = lists("pre:['page']") + PAGE;
    const again = await simulate('process', `${text}after_crash = idempotent\n`);
    expect(rowOf(again, 'page', 'engine killed')).toMatchObject({ status: 'finished', done: { page: 2 }, toDo: null });
    const requested = await simulate('process', `${text}after_crash = check\n`);
    expect(rowOf(requested, 'page', 'engine killed')).toMatchObject({
      status: 'finished',
      done: { page: 1 },
      toDo: null,
    });
  });

  it('continues, rolls back or retries by the section of the task', async () => {
    const goesOn = await simulate('process', `${lists("pre:['page']")}${PAGE}on_failure = continue\n`);
    expect(rowOf(goesOn, 'page', 'fails')).toMatchObject({
      status: 'finished',
      flows: ['SUCCESS'],
      notDone: ['page'],
      toDo: 'do the work of page by hand',
    });
    const goesBack = await simulate('process', `${lists("pre:['page']")}${PAGE}on_failure = rollback\n`);
    expect(rowOf(goesBack, 'page', 'fails')).toMatchObject({
      status: 'failed',
      flows: ['REVERTED', 'REVERTED'],
      reverted: [],
    });
    const takesBack = await simulate('process', `${lists("pre:['page']")}${PAGE}on_failure = rollback\nundo = yes\n`);
    expect(rowOf(takesBack, 'page', 'fails')).toMatchObject({ reverted: ['page'] });
    const retries = await simulate(
      'process',
      `${lists("pre:['page']")}${PAGE}after_crash = idempotent\nretries = 3\ntimeout = 60\n`,
    );
    expect(rowOf(retries, 'page', 'hangs')?.seconds).toBeGreaterThan(2 * 4 * 60);
    // A task that may have been done once is not retried.
    const once = await simulate('process', `${lists("pre:['page']")}${PAGE}retries = 3\ntimeout = 60\n`);
    expect(rowOf(once, 'page', 'hangs')).toMatchObject({ status: 'failed', doubts: ['page'] });
  });

  it('does not run a task whose condition does not hold, with any fault', async () => {
    const rows = await simulate('process', `${lists("pre:['page']")}${PAGE}when = host_name == "lab"\n`);
    for (const fault of FAULTS) {
      expect(rowOf(rows, 'page', fault), fault).toMatchObject({ status: 'finished', done: {}, skipped: ['page'] });
    }
    expect(rows[0]).toMatchObject({ skipped: ['page'] });
  });

  it('is the same again with the same seed', async () => {
    const [first, second] = [
      await simulate('host_auto', '', { seed: 7 }),
      await simulate('host_auto', '', { seed: 7 }),
    ];
    expect(second).toEqual(first);
  });

  it('runs tasks for real, in real time, in the undisturbed run only', async () => {
    const trace = join(directory, 'trace');
    const run = promisify(execFile);
    const text = `${lists("pre:['page']")}[page]\ndriver = executable\ncommand = /bin/sh -c 'echo "$1" >>"$2"' x {{ host_name }} ${trace}\n`;
    const rows = await simulate('process', text, {
      undisturbed: {
        clock: { ...realClock, run: (work) => work },
        realDriver: async () => ({
          steps: 'one',
          async run({ options: { command }, context: { signal } }) {
            const [file = '', ...rest] = command as string[];
            await run(file, rest, { signal });
            return {};
          },
        }),
      },
    });
    expect(readFileSync(trace, 'utf8')).toBe('compute-1\n');
    expect(rows.every(({ status }) => status !== 'running')).toBe(true);
    expect(rows[0]).toMatchObject({ status: 'finished', done: {} });
  });

  it.each(['process', 'host_rh'] as const)(
    'runs a task for real once though it fails and a recovery has a second round: %s',
    async (flow) => {
      const ran: string[] = [];
      const text = `[taskflow_driver_recovery_flows]\n${flow}_failure_recovery_tasks = pre:['page']\n${PAGE}`;
      const rows = await simulate(flow, text, {
        undisturbed: {
          clock: { ...realClock, run: (work) => work },
          realDriver: async () => ({
            steps: 'one',
            async run({ task }) {
              ran.push(task);
              throw new TaskFailure('no route');
            },
          }),
        },
      });
      expect(ran).toEqual(['page']);
      expect(rows[0]).toMatchObject({ good: true, status: 'failed', flows: ['FAILURE'], notDone: ['page'] });
      expect(rows[0]?.programs).toMatchObject([{ task: 'page', call: 'run', end: 'failed', message: 'no route' }]);
    },
  );

  it('reports for a task that hangs and is passed that there is nothing to retry', async () => {
    const rows = await simulate('process', `${lists("pre:['page']")}${PAGE}on_failure = continue\n`);
    expect(rowOf(rows, 'page', 'hangs')).toMatchObject({
      status: 'finished',
      flows: ['SUCCESS'],
      doubts: ['page'],
      toDo: 'find out whether page was done; there is nothing to retry',
    });
  });

  it('ends when it is aborted', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(simulate('process', '', { signal: stop.signal })).rejects.toThrow('enough');
    expect(readdirSync(directory)).toEqual(['recovery-agent.conf']);
  });
});
