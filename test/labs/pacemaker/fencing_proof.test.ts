/** The example proof docs/examples/proofs/stonith_admin.sh with a real Pacemaker, which fences a running remote node. */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { installPackages } from './install.ts';
import { PacemakerLab } from './lab.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/proofs/stonith_admin.sh', import.meta.url));
const PROGRAM = '/usr/local/lib/stonith_admin.sh';
let lab: PacemakerLab;
let hasFailed = false;

beforeAll(async () => {
  await installPackages();
  lab = await PacemakerLab.start({ clusterNodes: 1, remoteNodes: 1 });
  await lab.putFile('n1', PROGRAM, { hostPath: EXAMPLE }, 0o755);
});

afterAll(async () => {
  await lab?.stop();
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

/** What the proof shows about a host. */
async function prove(host: string): Promise<string> {
  const { status, stdout } = await lab.run('n1', [PROGRAM, host], { stdin: '{}\n', timeoutMs: 180_000 });
  expect(status).toBe(0);
  return JSON.parse(stdout).outputs.state;
}

test('a host that the cluster fences is shown dead, and is not fenced again by a repetition', async () => {
  expect(lab.isAlive('c1')).toBe(true);
  expect(await prove('c1')).toBe('dead');
  expect(lab.isAlive('c1')).toBe(false);
  expect(await prove('c1')).toBe('dead');
  expect(lab.powerSwitch.requests).toMatchObject([{ node: 'c1', action: 'off', answer: 'ok' }]);
});

test('a host that the cluster cannot fence is not shown dead', async () => {
  expect(await prove('c9')).toBe('unknown');
});
