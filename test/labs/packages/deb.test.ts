import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '#packaging/packages/deb.ts';
import { installPackages } from './install.ts';
import {
  CONFIG,
  expectAddonIsNeeded,
  expectEntries,
  expectExchangedAddonIsRefused,
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
  first = makeDeb(made.description, made.folder('first'));
});

afterAll(() => made?.[Symbol.dispose]());

describe('the Debian package', () => {
  it('depends on those packages whose libraries the program and the addon are linked with', async () => {
    const addon = join(ROOT, 'node_modules/better-sqlite3/prebuilds/linux-x64.node');
    const linked = await must(['ldd', EXECUTABLE, addon]);
    const libraries = new Set(Array.from(linked.matchAll(/(?<= => )\/\S+/g), ([path]) => path));
    // dpkg knows a library by its path under /lib or under /usr/lib, and ends with 1 for the other spelling.
    const spellings = [...libraries].flatMap((path) => [path, `/usr${path}`]);
    const { stdout: owners } = await run(['dpkg', '--search', ...spellings]);
    expect(owners.trim().split('\n')).toHaveLength(libraries.size);
    const names = new Set(owners.split('\n').flatMap((line) => line.match(/^[^:]+/) ?? []));
    const dependencies = await must(['dpkg-deb', '--field', first, 'Depends']);
    expect(dependencies.match(/[\w+.-]+(?=,| \(|\n)/g)?.toSorted()).toEqual([...names].toSorted());
  });

  it('passes lintian', async () => {
    const ended = await run(['lintian', '--allow-root', '--fail-on', 'error,warning', first]);
    expect(ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('can be installed on a system with nothing but its dependencies, and runs', async () => {
    await using root = await Root.create();
    await root.dpkg('--install', first);
    expect(await root.dpkg('--verify', 'recovery-agent')).toBe('');
    expectEntries(root, made.description);
    await expectItRuns(root, made.description.version);
  });

  it('brings the addon for systems on which nothing else may be executed', async () => {
    await using root = await Root.create();
    await root.dpkg('--install', first);
    await runEngine(root);
    await expectAddonIsNeeded(root, made.description);
  });

  it('loads no addon that is not the one it was built with', async () => {
    await using root = await Root.create();
    await root.dpkg('--install', first);
    await runEngine(root);
    await expectExchangedAddonIsRefused(root, made.description);
  });

  it('keeps what was changed in the configuration when it is upgraded, and the journal', async () => {
    await using root = await Root.create();
    await root.dpkg('--install', first);
    await runEngine(root);
    const journal = sha256(root.path(JOURNAL));
    appendFileSync(root.path(CONFIG), '[engine]\nlog_level = debug\n');
    const changed = readFileSync(root.path(CONFIG), 'utf8');
    await root.dpkg('--install', makeDeb(made.next, made.folder('next')));
    expect(readFileSync(root.path(CONFIG), 'utf8')).toBe(changed);
    expect(readFileSync(root.path(`${CONFIG}.dpkg-dist`), 'utf8')).toContain('Of the next version');
    expect(readFileSync(root.path('etc/logrotate.d/recovery-agent'), 'utf8')).toContain('Of the next version');
    expect(sha256(root.path(JOURNAL))).toBe(journal);
    await root.dpkg('--purge', 'recovery-agent');
    expect(existsSync(root.path(`${CONFIG}.dpkg-dist`))).toBe(false);
  });

  it('leaves configuration, logs and journal when it is removed, and the journal when it is purged', async () => {
    await using root = await Root.create();
    await root.dpkg('--install', first);
    await runEngine(root);
    await root.dpkg('--remove', 'recovery-agent');
    expect(isThere(root, 'usr/sbin/recovery-agent', 'usr/lib/ocf', CONFIG, LOG, JOURNAL)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    await root.dpkg('--purge', 'recovery-agent');
    expect(isThere(root, 'etc/recovery-agent', 'var/log/recovery-agent', 'run/recovery-agent', JOURNAL)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('is not configured after a step that failed, and is when dpkg repeats it', async () => {
    await using root = await Root.create();
    // Another program's file where the directory belongs.
    writeFileSync(root.path('run/recovery-agent'), '');
    await expect(root.dpkg('--install', first)).rejects.toThrow(
      /^recovery-agent: \/run\/recovery-agent was not made; see "systemd-tmpfiles --create recovery-agent\.conf"$/m,
    );
    rmSync(root.path('run/recovery-agent'));
    await root.dpkg('--configure', 'recovery-agent');
    expectEntries(root, made.description);
  });

  it('leaves nothing when it is purged before there was a journal', async () => {
    await using root = await Root.create();
    const files = (): string[] =>
      readdirSync(root.directory, { recursive: true, encoding: 'utf8' })
        .filter((path) => !path.startsWith('var/lib/dpkg') && !path.startsWith('var/log/dpkg'))
        .toSorted();
    const before = files();
    await root.dpkg('--install', first);
    await root.dpkg('--purge', 'recovery-agent');
    expect(files()).toEqual(before);
  });
});
