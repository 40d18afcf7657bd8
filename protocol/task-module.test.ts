/** The types of a module as an operator's compiler has them: a copy of the file under the name that the packages give it. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const TYPES = fileURLToPath(new URL('./task-module.ts', import.meta.url));
const TSC = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const OPTIONS =
  '--ignoreConfig --noEmit --strict --target es2024 --module nodenext --allowImportingTsExtensions --types';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-types-'));
  copyFileSync(TYPES, join(directory, 'task.d.ts'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The errors of the compiler. */
function faultsIn(body: string): Promise<string> {
  const file = join(directory, 'notify.ts');
  writeFileSync(file, `import type { Check, Run, TaskModule, Undo } from './task.d.ts';\n${body}\n`);
  return new Promise((resolve) => {
    execFile(process.execPath, [TSC, ...OPTIONS.split(' '), '', file], { timeout: 60_000 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

describe('the types of a module', { timeout: 120_000 }, () => {
  it('describe the input of a function, and fit together', async () => {
    const faults = await faultsIn(`
      export const run: Run = async ({ inputs, parameters, progress, step_key }) => {
        progress(\`telling \${parameters.url} of \${inputs.host_name}\`, 0.5);
        return { ticket: step_key };
      };
      export const check: Check = ({ attempt }) => (attempt > 1 ? { state: 'not done' } : { state: 'done' });
      export const undo: Undo = async ({ outputs, log }) => log('info', String(outputs.ticket));
      export const silent: Run = () => {};
      export const module: TaskModule = { run, check, undo };`);
    expect(faults).toBe('');
  });

  it.each([
    ['export const run: Run = async ({ input }) => {};', "Property 'input' does not exist on type 'Call'"],
    ['export const run: Run = async () => 7;', "Type 'number' is not assignable"],
    ["export const check: Check = async () => ({ state: 'perhaps' });", 'is not assignable to type'],
    ['export const module: TaskModule = {};', "Property 'run' is missing"],
  ])('refuse %s', async (body, fault) => {
    expect(await faultsIn(body)).toContain(fault);
  });
});
