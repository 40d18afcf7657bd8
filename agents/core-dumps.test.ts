import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ProgramBench } from '#test/world/program-bench.ts';
import { leaveMemoryOutOfCoreDumps } from './core-dumps.ts';

const MODULE = fileURLToPath(new URL('core-dumps.ts', import.meta.url));
const PATTERN = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
const writesFiles = PATTERN !== '' && !PATTERN.startsWith('|') && !PATTERN.startsWith('/');

/** The core files of a process that holds a secret and dies. */
function coresOf(isLeftOut: boolean, bench: ProgramBench): Buffer[] {
  const script = `${isLeftOut ? `(await import(${JSON.stringify(MODULE)})).leaveMemoryOutOfCoreDumps();` : ''}
    globalThis.held = Buffer.from('held-' + 'secret-4711');
    process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 60_000);`;
  const { signal } = spawnSync(
    'bash',
    ['-c', 'ulimit -c unlimited && exec "$0" "$@"', process.execPath, '--input-type=module', '-e', script],
    {
      cwd: bench.directory,
      timeout: 30_000,
    },
  );
  expect(signal).toBe('SIGSEGV');
  return readdirSync(bench.directory)
    .filter((name) => name.startsWith('core'))
    .map((name) => readFileSync(bench.path(name)));
}

describe('a core dump', () => {
  it.skipIf(!writesFiles)('holds no memory, and so no secret', { timeout: 90_000 }, () => {
    using control = new ProgramBench();
    const [whole] = coresOf(false, control);
    // Some sandboxes write none at all.
    if (whole === undefined) return;
    expect(whole.includes('held-secret-4711')).toBe(true);
    using bench = new ProgramBench();
    const [core] = coresOf(true, bench);
    expect(core?.includes('held-secret-4711') ?? false).toBe(false);
    expect(core?.length ?? 0).toBeLessThan(1024 * 1024);
  });

  it('of a program that is started is without memory as well', () => {
    const script = `(await import(${JSON.stringify(MODULE)})).leaveMemoryOutOfCoreDumps();
      const { execFileSync } = await import('node:child_process');
      process.stdout.write(execFileSync('cat', ['/proc/self/coredump_filter'], { encoding: 'utf8' }));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(stdout).toBe('00000000\n');
  });

  it('is left as it is where the kernel has no filter', () => {
    expect(leaveMemoryOutOfCoreDumps('/no/such/file')).toBe(false);
  });
});
