import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigurationError, formatProblem } from '#config/document/problem.ts';
import { examine, loadChecked } from './checked-configuration.ts';
import { packagedDefinitions } from './task-definitions.ts';

const UID = process.getuid?.();

let root = '';
let directory = '';
let main = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'recovery-agent-definitions-'));
  directory = join(root, 'tasks.d');
  main = join(root, 'main.conf');
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(main, '', { mode: 0o600 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(name: string, task: string, mode = 0o644): string {
  const path = join(directory, name);
  writeFileSync(path, `[${task}]\ndriver = executable\ncommand = /bin/true\n`);
  chmodSync(path, mode);
  return path;
}

function refusals(): string[] {
  try {
    loadChecked(main, 'ignore', directory);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(formatProblem);
  }
}

it("the operator's own file is refused when others can write to it: it names what runs too", async () => {
  chmodSync(main, 0o664);
  const message = `others than the owner can write to ${main} (user ${UID}, mode 0664); chmod go-w ${main}`;
  expect(refusals()).toEqual([`${main}:1:1: ${message}`]);
  expect(await examine(main, directory)).toMatchObject({ isValid: false, problems: [{ file: main, message }] });
  chmodSync(main, 0o644);
  expect(refusals()).toEqual([]);
});

describe('the directory of definitions', () => {
  it('may be missing, or empty', () => {
    expect(packagedDefinitions(join(root, 'none'))).toMatchObject({ files: [], problems: [] });
    expect(packagedDefinitions(directory)).toMatchObject({ files: [], problems: [] });
  });

  it('gives its .conf files in the order of their names, and no other file of the folder', () => {
    const files = ['20-b.conf', '10-z.conf', '3.conf'].map((name, index) => put(name, `task${index}`));
    for (const name of ['README', 'a.conf.dpkg-new', '.hidden.conf']) writeFileSync(join(directory, name), 'no INI');
    expect(packagedDefinitions(directory).files).toEqual(files.toSorted());
    expect([...loadChecked(main, 'ignore', directory).customTasks.keys()]).toEqual(['task1', 'task0', 'task2']);
  });

  it('is refused when others can write to it', () => {
    put('a.conf', 'a');
    chmodSync(directory, 0o777);
    expect(refusals()).toEqual([
      `${directory}:1:1: others than the owner can write to ${directory} (user ${UID}, mode 0777); chmod go-w ${directory}`,
    ]);
  });

  it('is refused when it is none', () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    chmodSync(directory, 0o644);
    expect(refusals()).toEqual([expect.stringMatching(/tasks\.d:1:1: \S+tasks\.d is no directory/)]);
  });

  it('holds no links, no folders and no files that others can write to', () => {
    const elsewhere = join(root, 'elsewhere');
    writeFileSync(elsewhere, '[x]\ndriver = executable\ncommand = /bin/true\n');
    symlinkSync(elsewhere, join(directory, 'link.conf'));
    mkdirSync(join(directory, 'folder.conf'));
    const open = put('open.conf', 'a', 0o666);
    expect(refusals()).toEqual([
      expect.stringMatching(/folder\.conf:1:1: the file cannot be read: .*no regular file/),
      `${join(directory, 'link.conf')}:1:1: it is a link; a package puts the file itself here`,
      `${open}:1:1: others than the owner can write to ${open} (user ${UID}, mode 0666); chmod go-w ${open}`,
    ]);
  });

  it('adds no task with the name of a built-in one', () => {
    const file = put('a.conf', 'evacuate_instances_task');
    expect(refusals()).toEqual([
      `${file}:1:1: "evacuate_instances_task" is a built-in task; a task of your own needs another name`,
    ]);
  });

  it('gives the position of each of its tasks, in a list or not', async () => {
    const listed = put('a.conf', 'a');
    const unlisted = put('b.conf', 'b');
    writeFileSync(main, "[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['a']\n");
    const { isValid, graphs, unlisted: rest } = await examine(main, directory);
    expect(isValid).toBe(true);
    expect(graphs.find(({ flow }) => flow === 'process')?.tasks[0]?.definition?.at.file).toBe(listed);
    expect(rest).toEqual([{ name: 'b', at: { file: unlisted, line: 1, column: 1 } }]);
  });
});
