import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Program } from '#test/world/engine-world.ts';

/** A journal lies there without waiting for a disk. */
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
  writeFileSync(file, text);
  return file;
}

function simulate(...argv: readonly string[]): Program {
  return new Program(['simulate', ...argv], { environment: { TMPDIR: place } });
}

/** Until it is so; the limit of the test is that of the wait. */
async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20);
}

describe('simulate', { timeout: 120_000 }, () => {
  it('needs no configuration, says first that nothing is done, and leaves nothing behind', async () => {
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

  it('runs the lists of the file, starts none of its programs, and says what a person has to do', async () => {
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

  it.each([
    [['--flow', 'hosts'], /--flow must be one of host_auto, host_rh, instance, process, host_return/],
    [['--seed', '-1'], /./],
    [['--seed', 'x'], /--seed must be a whole number from 0 to 4294967295/],
    [['--seed', '4294967296'], /--seed must be a whole number/],
    [['--pipeline', ''], /--pipeline is empty/],
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
});
