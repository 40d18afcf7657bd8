import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RPMLINT } from '#packaging/packages/exceptions.ts';
import { makeRpm } from '#packaging/packages/rpm.ts';
import { installPackages } from './install.ts';
import {
  CONFIG,
  expectAddonIsNeeded,
  expectEntries,
  expectItRuns,
  isThere,
  JOURNAL,
  LOG,
  runEngine,
} from './installed.ts';
import { EXECUTABLE, Made, ROOT, sha256 } from './made.ts';
import { Root } from './root.ts';
import { must, run } from './run.ts';

let made: Made;
let first: string;

beforeAll(async () => {
  await installPackages();
  made = Made.create();
  first = makeRpm(made.description, made.folder('first'));
});

afterAll(() => made?.[Symbol.dispose]());

/** A system of rpm has no record of the libraries that were copied into the root. */
const INSTALL = ['--install', '--nodeps'];
const UPGRADE = ['--upgrade', '--nodeps'];

/** What rpm itself would require for a file, without the symbol versions that another one of the same library implies. */
async function requirementsOf(file: string): Promise<string[]> {
  const requirements = await must(['sh', '-c', 'echo "$0" | /usr/lib/rpm/elfdeps --requires', file]);
  return requirements.split('\n').filter((line) => /^lib\S+\.so/.test(line));
}

/** Numbers of the version that a requirement names, e.g. `libc.so.6(GLIBC_2.34)(64bit)`. */
function versionOf(requirement: string): number[] {
  return (requirement.match(/_([\d.]+)\)/)?.[1] ?? '0').split('.').map(Number);
}

function isAtLeast(one: number[], other: number[]): boolean {
  const at = one.findIndex((part, index) => part !== (other[index] ?? 0));
  return at < 0 ? one.length >= other.length : (one[at] ?? 0) > (other[at] ?? 0);
}

describe('the RPM package', () => {
  it('requires the libraries of the program and the addon, each in the newest version that either requires', async () => {
    const stated = made.description.needs.rpm;
    const listed = await must(['rpm', '--query', '--package', '--requires', first]);
    expect(listed.split('\n')).toEqual(expect.arrayContaining([...stated]));
    const addon = join(ROOT, 'node_modules/better-sqlite3/prebuilds/linux-x64.node');
    const needed = [...(await requirementsOf(EXECUTABLE)), ...(await requirementsOf(addon))];
    const nameOf = (requirement: string): string => requirement.slice(0, requirement.indexOf('('));
    expect(new Set(stated.map(nameOf))).toEqual(new Set(needed.map(nameOf)));
    for (const requirement of needed.filter((line) => !line.includes('CXXABI'))) {
      const own = stated.find((one) => nameOf(one) === nameOf(requirement)) ?? '';
      // libm and the others come with libc: its version is theirs.
      const counting = own.includes('_') ? own : (stated.find((one) => one.startsWith('libc.so')) ?? '');
      expect(isAtLeast(versionOf(counting), versionOf(requirement)), `${counting} for ${requirement}`).toBe(true);
    }
  });

  it('passes rpmlint', async () => {
    const filters = RPMLINT.map(({ tag, context }) => `'''${tag}.*${context.replaceAll('*', '.*')}'''`);
    const settings = join(made.directory, 'rpmlint.toml');
    writeFileSync(settings, `Filters = [${filters.join(', ')}]\n`);
    const { code, stdout } = await run(['rpmlint', '--config', settings, first]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('0 errors, 0 warnings')]);
  });

  it('can be installed on a system with nothing but its libraries, and runs', async () => {
    await using root = await Root.create();
    await root.rpm(...INSTALL, first);
    expect(await root.rpm('--verify', '--nodeps', 'recovery-agent')).toBe('');
    expectEntries(root, made.description);
    await expectItRuns(root, made.description.version);
  });

  it('brings the addon for systems on which nothing else may be executed', async () => {
    await using root = await Root.create();
    await root.rpm(...INSTALL, first);
    await runEngine(root);
    await expectAddonIsNeeded(root, made.description);
  });

  it('keeps what was changed in the configuration when it is upgraded, and the journal', async () => {
    await using root = await Root.create();
    await root.rpm(...INSTALL, first);
    await runEngine(root);
    const journal = sha256(root.path(JOURNAL));
    appendFileSync(root.path(CONFIG), '[engine]\nlog_level = debug\n');
    const changed = readFileSync(root.path(CONFIG), 'utf8');
    await root.rpm(...UPGRADE, makeRpm(made.next, made.folder('next')));
    expect(readFileSync(root.path(CONFIG), 'utf8')).toBe(changed);
    expect(readFileSync(root.path(`${CONFIG}.rpmnew`), 'utf8')).toContain('Of the next version');
    expect(readFileSync(root.path('etc/logrotate.d/recovery-agent'), 'utf8')).toContain('Of the next version');
    expect(sha256(root.path(JOURNAL))).toBe(journal);
  });

  it('leaves changed configuration, logs and journal when it is erased', async () => {
    await using root = await Root.create();
    await root.rpm(...INSTALL, first);
    await runEngine(root);
    appendFileSync(root.path(CONFIG), '[engine]\nlog_level = debug\n');
    await root.rpm('--erase', 'recovery-agent');
    const left = [
      'usr/sbin/recovery-agent',
      'usr/lib/ocf/resource.d/openstack',
      CONFIG,
      `${CONFIG}.rpmsave`,
      LOG,
      JOURNAL,
    ];
    expect(isThere(root, ...left)).toEqual([false, false, false, true, true, true]);
  });

  it('warns of a step that failed, and is installed', async () => {
    await using root = await Root.create();
    // Another program's file where the directory belongs.
    writeFileSync(root.path('run/recovery-agent'), '');
    const { code, stderr } = await root.tryRpm(...INSTALL, first);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(
        /^recovery-agent: \/run\/recovery-agent was not made; see .*\nwarning: %post\(recovery-agent-.*\) scriptlet failed/m,
      ),
    ]);
    expect(await root.rpm('--query', 'recovery-agent')).toContain('recovery-agent-');
  });

  it('leaves nothing of its own when it is erased before there was a journal', async () => {
    await using root = await Root.create();
    await root.rpm(...INSTALL, first);
    await root.rpm('--erase', 'recovery-agent');
    const own = made.description.entries.map(({ path }) => path);
    expect(own.filter((path) => isThere(root, path)[0])).toEqual([]);
  });
});
