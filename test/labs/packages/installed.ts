/** What holds of an installed package, whichever packaging system put it there. */
import { chownSync, existsSync, lstatSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { metaData } from '#ocf/meta-data.ts';
import type { PackageDescription } from '#packaging/packages/description.ts';
import type { Root } from './root.ts';

export const CONFIG = 'etc/recovery-agent/recovery-agent.conf';
export const LOG = 'var/log/recovery-agent/engine.log';
export const JOURNAL = 'var/lib/recovery-agent/journal.db';
const PROGRAM = '/usr/sbin/recovery-agent';
const AGENT = '/usr/lib/ocf/resource.d/openstack/recovery-agent';

/** Everything in the description is there, belongs to root, and has its mode. */
export function expectEntries(root: Root, { entries }: PackageDescription): void {
  for (const entry of entries) {
    const found = lstatSync(root.path(entry.path));
    const kind = found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'directory' : 'file';
    expect([entry.path, kind, found.uid, found.gid]).toEqual([
      entry.path,
      entry.is === 'config' || entry.is === 'licence' ? 'file' : entry.is,
      0,
      0,
    ]);
    if (entry.is !== 'link') expect([entry.path, found.mode & 0o7777]).toEqual([entry.path, entry.mode]);
  }
  expect(lstatSync(root.path('run/recovery-agent')).mode & 0o7777, 'made by tmpfiles').toBe(0o755);
}

/** The program runs with the libraries that the package depends on, by its name and as the cluster calls it. */
export async function expectItRuns(root: Root, version: string): Promise<void> {
  expect(await root.enter([PROGRAM, '--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^recovery-agent ${version} \\(commit .*SQLite .*\\)\n$`)),
    stderr: '',
  });
  expect(realpathSync(root.path(AGENT))).toBe(realpathSync(root.path(PROGRAM)));
  expect(await root.enter([AGENT, 'meta-data'])).toEqual({ code: 0, stdout: metaData(version), stderr: '' });
  expect(await root.enter([PROGRAM, 'validate', '--quiet'])).toMatchObject({
    code: 0,
    stdout: 'The configuration is valid.\n',
  });
  // Nothing names a cloud yet, which another node may have.
  expect(await root.enter([AGENT, 'validate-all'])).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/^ocf-exit-reason:no usable credentials of the cloud/m),
  });
}

/** Starts an engine in the root as the cluster would, and stops it: its journal stays. */
export async function runEngine(root: Root): Promise<void> {
  const settings = '[cloud]\ndriver = simulated\nsimulated_address = /run/cloud.sock\n[journal]\nconfirm_delay = 0\n';
  writeFileSync(root.path('etc/simulated.conf'), settings, { mode: 0o600 });
  // In one mount namespace, whose /proc both see.
  const script = `${AGENT} validate-all && ${AGENT} start && ${AGENT} monitor && ${PROGRAM} status; code=$?; ${AGENT} stop && exit $code`;
  const environment = { OCF_RESKEY_config: '/etc/simulated.conf' };
  const { code, stdout, stderr } = await root.enterNoexec(['/bin/sh', '-c', script], environment);
  expect([code, stderr, stdout]).toEqual([0, '', expect.stringMatching(/^Engine: +running on/)]);
  expect(lstatSync(root.path(JOURNAL)).mode & 0o7777).toBe(0o640);
  expect(readFileSync(root.path(LOG), 'utf8')).toContain('engine stopped');
}

/** Nothing else can be executed, so without the shipped addon there is no SQLite. */
export async function expectAddonIsNeeded(root: Root, { entries }: PackageDescription): Promise<void> {
  const addon = entries.find(({ path }) => path.endsWith('.node'));
  if (!addon) throw new Error('the description has no addon');
  const content = readFileSync(root.path(addon.path));
  rmSync(root.path(addon.path));
  // Not status, which would show what the engine left in status.json.
  const { code, stderr } = await root.enterNoexec([PROGRAM, 'list']);
  expect([code, stderr]).toEqual([3, expect.stringContaining('SQLite cannot be loaded')]);
  writeFileSync(root.path(addon.path), content, { mode: 0o644 });
  const again = await root.enterNoexec([PROGRAM, 'list']);
  expect(again).toEqual({ code: 0, stdout: 'There are no notifications.\n', stderr: '' });
}

/** Exchanged, or of another owner: there is no SQLite then where nothing else can be executed. */
export async function expectExchangedAddonIsRefused(root: Root, { entries }: PackageDescription): Promise<void> {
  const addon = entries.find(({ path }) => path.endsWith('.node'));
  if (!addon) throw new Error('the description has no addon');
  const path = root.path(addon.path);
  const content = readFileSync(path);
  expect((await root.enterNoexec([PROGRAM, 'list'])).code).toBe(0);
  chownSync(path, 1234, 1234);
  expect((await root.enterNoexec([PROGRAM, 'list'])).code).toBe(3);
  chownSync(path, 0, 0);
  writeFileSync(path, Buffer.concat([content, Buffer.from('x')]));
  const { code, stderr } = await root.enterNoexec([PROGRAM, 'list']);
  expect([code, stderr]).toEqual([3, expect.stringContaining('is damaged')]);
}

export function isThere(root: Root, ...names: readonly string[]): boolean[] {
  return names.map((name) => existsSync(root.path(name)));
}
