import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTree } from '#packaging/packages/tree.ts';
import { installPackages } from './install.ts';
import { LOG } from './installed.ts';
import { Made, ROOT } from './made.ts';
import { Root } from './root.ts';
import { must, run } from './run.ts';

/** The parts of the packages that other programs read. */

let root: Root;

beforeAll(async () => {
  await installPackages();
  root = await Root.create();
  using made = Made.create();
  writeTree(root.directory, made.description.entries, made.description.date);
});

afterAll(() => root?.[Symbol.asyncDispose]());

describe('what is installed beside the program', () => {
  it.each(['60', '80', '132'])('a manual that man shows without a warning, %s columns wide', async (MANWIDTH) => {
    const file = root.path('usr/share/man/man8/recovery-agent.8.gz');
    const { code, stdout, stderr } = await run(['man', '--warnings', '-E', 'UTF-8', '--local-file', file], {
      MANWIDTH,
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('NAME recovery-agent — instance high availability');
  });

  it('a completion that bash-completion finds when it is wanted', async () => {
    const script = `source /usr/share/bash-completion/bash_completion
_completion_loader recovery-agent
complete -p recovery-agent`;
    const environment = { XDG_DATA_DIRS: root.path('usr/share') };
    expect(await must(['bash', '--norc', '-c', script], environment)).toBe(
      'complete -F _recovery_agent recovery-agent\n',
    );
  });

  it('types that a task written in TypeScript is checked with', async () => {
    const task = root.path('etc/recovery-agent/task.ts');
    const types = root.path('usr/share/recovery-agent/task.d.ts');
    const check = async (wanted: string): Promise<string> => {
      writeFileSync(
        task,
        `import type { Call, Outputs, TaskModule } from '${types}';
         export const run = async (call: Call): Promise<Outputs> => ({ key: call.step_key, by: call.${wanted} });
         export const module: TaskModule = { run, check: () => ({ state: 'not done' }) };\n`,
      );
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const options = [
        '--ignoreConfig',
        '--noEmit',
        '--strict',
        '--target',
        'es2024',
        '--module',
        'nodenext',
        '--types',
        '',
      ];
      return (await run([process.execPath, tsc, ...options, '--allowImportingTsExtensions', task])).stdout;
    };
    expect(await check('task')).toBe('');
    expect(await check('taks')).toContain("Property 'taks' does not exist on type 'Call'");
  });

  it('a rule for logrotate under which an engine continues to write into its log', async () => {
    const engine = openSync(root.path(LOG), 'a', 0o640);
    try {
      writeSync(engine, 'before\n');
      const rotate = ['/usr/sbin/logrotate', '--force', '--state', '/run/state', '/etc/logrotate.d/recovery-agent'];
      expect(await root.enter(rotate)).toEqual({ code: 0, stdout: '', stderr: '' });
      writeSync(engine, 'after\n');
      expect(readFileSync(root.path(LOG), 'utf8')).toBe('after\n');
      expect(gunzipSync(readFileSync(root.path(`${LOG}.1.gz`))).toString()).toBe('before\n');
      expect(existsSync(root.path(`${LOG}.1`))).toBe(false);
    } finally {
      closeSync(engine);
    }
  });
});
