import { describe, expect, it } from 'vitest';
import { TaskFailure } from '#engine/flow/outcome.ts';
import type { DriverCall } from '#engine/task-drivers/driver.ts';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { describeRecovery } from './show.ts';

const CONFIGURATION = `[taskflow_driver_recovery_flows]
process_failure_recovery_tasks = pre:['ticket','page','undoable'],main:['disable_compute_node_task'],post:['last']
[ticket]
driver = executable
command = /bin/true
provides = ticket, list, hosts
[page]
driver = executable
command = /bin/true
when = host_name == "lab"
[undoable]
driver = executable
command = /bin/true
undo = yes
[last]
driver = executable
command = /bin/true
`;

const OUTPUTS = { ticket: 'T-1', list: 'x'.repeat(5000), hosts: Array(20).fill('c1') };

async function shown(last: string, run: (call: DriverCall) => Promise<typeof OUTPUTS>): Promise<string> {
  const driver = { steps: 'one', run, undo: async () => {} } as const;
  await using here = new RecoveryWorld({ configuration: CONFIGURATION + last, drivers: async () => driver });
  here.world.addHost('c1');
  await here.start();
  const payload = { event: 'STOPPED', process_name: 'nova-compute' };
  const uuid = await here.notify({ type: 'PROCESS', hostname: 'c1', payload });
  return describeRecovery(await here.until(uuid));
}

/** The rows of a task, without its times. */
function rowsOf(text: string, task: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, phase = '', name]) => name === task && ['pre', 'main', 'post'].includes(phase))
    .map(([, phase = '', name = '', state = '', tries = '', , , outputs = '', error = '']) => [
      phase,
      name,
      state,
      tries,
      outputs,
      error,
    ]);
}

describe('show', () => {
  it('has a row for each task, also for those without a line of progress, and marks the skipped ones', async () => {
    const text = await shown('', async () => OUTPUTS);
    expect(rowsOf(text, 'ticket')).toEqual([
      ['pre', 'ticket', 'SUCCESS', '1', 'ticket="T-1" hosts=(20 items) list=(long)', '-'],
    ]);
    expect(rowsOf(text, 'page')).toEqual([['pre', 'page', 'skipped', '1', '-', '-']]);
    expect(rowsOf(text, 'disable_compute_node_task')).toHaveLength(1);
    expect(text).toMatch(/\| last +\| SUCCESS +\| 1 +\| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| \d+(\.\d)? s +\|/);
    expect(text).not.toContain('Flow 1');
    expect(text).not.toContain('cut here');
  });

  it('numbers several flows, shows why a task failed, and marks only undone tasks as undone', async () => {
    const text = await shown('on_failure = rollback\nretries = 1\n', async ({ task }) => {
      if (task === 'last') throw new TaskFailure(`no route to ${'the inventory '.repeat(20)}`);
      return OUTPUTS;
    });
    expect(text).toMatch(/^Flows: +1: process_recovery_engine REVERTED, 2: process_recovery_engine REVERTED$/m);
    expect(text).toMatch(/^Flow 1, process_recovery_engine, req-[0-9a-f-]{36}: REVERTED$/m);
    expect(text).toMatch(/^Flow 2, /m);
    const [first, second] = rowsOf(text, 'last');
    expect(first).toEqual(['post', 'last', 'REVERTED, no undo', '2', '-', expect.stringMatching(/^no route to .*…$/)]);
    expect(second).toEqual(first);
    expect(rowsOf(text, 'undoable')[0]?.[2]).toBe('REVERTED');
    expect(rowsOf(text, 'ticket')[0]?.[2]).toBe('REVERTED, no undo');
    expect(rowsOf(text, 'page')[0]?.[2]).toBe('skipped');
    expect(text).toContain(
      'REVERTED, no undo: the rollback of the flow passed this task; it has no undo, and its effect stays.',
    );
    expect(text).toMatch(/Text that ends in "…" is cut; --json has it whole\.$/);
  });
});
