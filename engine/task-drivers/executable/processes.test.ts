import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { isAlive } from '#test/world/program-bench.ts';
import { endAll, type Found, STEP_KEY, statOf, withStepKey } from './processes.ts';

async function sleeper(
  script = 'echo up; exec sleep 1000',
  stepKey: string = randomUUID(),
): Promise<ChildProcess & { pid: number }> {
  const child = spawn('sh', ['-c', script], {
    env: { PATH: process.env.PATH, [STEP_KEY]: stepKey },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return Object.assign(child, { pid: child.pid ?? 0 });
}

it('a process is found by the whole of its step key', async () => {
  const key = `${randomUUID()}/alert`;
  const { pid } = await sleeper(undefined, key);
  expect((await withStepKey(key)).map((found) => found.pid)).toEqual([pid]);
  expect(await withStepKey(key.slice(0, -1))).toEqual([]);
});

it('one that ends at SIGTERM is not killed', async () => {
  const child = await sleeper('trap "exit 7" TERM; echo up; while :; do sleep 0.05; done');
  const { pid } = child;
  const code = new Promise((resolve) => child.once('exit', resolve));
  const find = async (): Promise<Found[]> => (isAlive(pid) ? [{ pid, startedAt: statOf(pid)?.startedAt ?? 0 }] : []);
  expect(await endAll(find, 60_000)).toEqual({ signalled: 1, left: [] });
  expect(await code).toBe(7);
});

it('a number that another process has now gets no signal, and the process that was meant counts as gone', async () => {
  const { pid } = await sleeper();
  const meant = { pid, startedAt: (statOf(pid)?.startedAt ?? 0) - 1 };
  let reads = 0;
  const find = async (): Promise<Found[]> => {
    reads += 1;
    return reads > 2 ? [] : [meant];
  };
  await endAll(find, 0);
  expect([reads, isAlive(pid)]).toEqual([4, true]);
});

it('a process that cannot be ended is named after the upper bound', async () => {
  const { pid } = await sleeper();
  const never = { pid, startedAt: 1 };
  expect(await endAll(async () => [never], 0)).toEqual({ signalled: 1, left: [never] });
});
