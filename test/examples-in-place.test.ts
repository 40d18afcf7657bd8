/** Each example of a pipeline is valid and runs where it is: in a checkout, and where the packages put it. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examples } from '#packaging/packages/description.ts';
import { writeTree } from '#packaging/packages/tree.ts';
import { Program } from './world/engine-world.ts';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const NAMES = readdirSync(join(CHECKOUT, 'docs/examples/pipelines')).filter((name) => name.endsWith('.conf'));

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-examples ä-'));
  // The checkout itself may be writable for others, as the umask was.
  const copy = join(directory, 'checkout/docs/examples');
  cpSync(join(CHECKOUT, 'docs/examples'), copy, { recursive: true, dereference: true });
  for (const path of readdirSync(copy, { recursive: true, encoding: 'utf8' })) chmodSync(join(copy, path), 0o755);
  writeTree(join(directory, 'installed'), examples(CHECKOUT), 0);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each([
  ['a checkout', 'checkout/docs/examples/pipelines'],
  ['the tree of a package', 'installed/usr/share/doc/recovery-agent/examples/pipelines'],
])('in %s', { timeout: 120_000 }, (_, folder) => {
  it.each(NAMES)('%s is valid', async (name) => {
    const { code, stdout } = await new Program(['validate', '-q', name], { cwd: join(directory, folder) }).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${name} is valid.\n` });
  });

  it.each(NAMES)('%s is simulated', async (name) => {
    const flow = name === 'return.conf' ? 'host_return' : 'host_auto';
    const argv = ['simulate', '--json', '--flow', flow, join(directory, folder, name)];
    const { code, stdout } = await new Program(argv).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ good: true, warnings: [] });
  });
});
