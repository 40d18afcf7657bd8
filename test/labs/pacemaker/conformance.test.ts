/** The executable as a resource agent, tried by the tester and the schemas of Debian's resource-agents. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPackages } from './install.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SCHEMAS = '/usr/share/resource-agents';

let directory: string;
let agent: string;

beforeAll(async () => {
  await installPackages();
  execFileSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')], { stdio: 'ignore' });
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-ocf-'));
  // The tester requests the metadata as an unprivileged user.
  chmodSync(directory, 0o755);
  agent = join(directory, 'resource.d', 'recovery-agent');
  mkdirSync(join(directory, 'resource.d'));
  copyFileSync(join(ROOT, 'dist/recovery-agent'), join(directory, 'recovery-agent'));
  symlinkSync('../recovery-agent', agent);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(file: string, argv: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(file, argv, { timeout: 120_000 }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, output: stdout + stderr });
    });
  });
}

it('passes ocf-tester', async () => {
  const config = join(directory, 'engine.conf');
  writeFileSync(config, `[cloud]\ndriver = simulated\nsimulated_address = ${join(directory, 'cloud.sock')}\n`, {
    mode: 0o600,
  });
  const parameters = {
    config,
    journal: join(directory, 'journal.db'),
    socket: join(directory, 'engine.sock'),
    pidfile: join(directory, 'engine.pid'),
    logfile: join(directory, 'engine.log'),
  };
  const options = Object.entries(parameters).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const { code, output } = await run('ocf-tester', ['-n', 't', ...options, agent]);
  expect(output).toContain('passed all tests');
  expect(code).toBe(0);
});

it('has metadata that both schemas take', async () => {
  const file = join(directory, 'metadata.xml');
  writeFileSync(file, execFileSync(agent, ['meta-data']));
  const relaxNg = await run('xmllint', ['--noout', '--nonet', '--relaxng', join(SCHEMAS, 'metadata.rng'), file]);
  expect(relaxNg.output).toContain('validates');
  const dtd = await run('xmllint', ['--noout', '--nonet', '--path', SCHEMAS, '--valid', file]);
  expect([dtd.code, dtd.output]).toEqual([0, '']);
});
