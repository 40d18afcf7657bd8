import { expect, test } from 'vitest';
import { faultOf } from '#protocol/trusted-path.ts';
import type { Configuration } from '../configuration.ts';
import { ConfigurationError, formatProblem } from '../document/problem.ts';
import { loadConfiguration, METHODS_FILES } from '../load.ts';
import { readCustomTask } from './custom-tasks.ts';

const LISTS = `[taskflow_driver_recovery_flows]\nprocess_failure_recovery_tasks = main:['page']\n`;
const PAGE = '[page]\ndriver = executable\ncommand = /usr/bin/page {{ host_name }}\nlevel = low\n';

interface File {
  readonly text: string;
  readonly mode?: number;
  readonly owner?: number;
}

type Files = Readonly<Record<string, string | File>>;

/** The operator's file is /m; every other one belongs to a package, unless `packages` lists them. */
function load(
  files: Files,
  packages: readonly string[] = Object.keys(files).filter((path) => path !== '/m'),
): Configuration {
  return loadConfiguration({
    mainFile: '/m',
    readFile: (path) => {
      const file = files[path];
      if (file === undefined) return undefined;
      const { text, mode = 0o644, owner = 0 } = typeof file === 'string' ? { text: file } : file;
      const distrust = faultOf(path, { kind: 'file', uid: owner, mode }, { uid: 1000, scope: 'way' });
      return { bytes: new TextEncoder().encode(text), mode: 0o100000 | mode, distrust };
    },
    definitions: {
      files: packages,
      problems: [],
      read: readCustomTask,
    },
  });
}

function problemsOf(files: Files, packages?: readonly string[]): string[] {
  try {
    return load(files, packages).warnings.map(formatProblem);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(formatProblem);
  }
}

test('a package adds a task that a list can name, and its place is known', () => {
  const { customTasks, warnings } = load({ '/m': LISTS, '/d/page.conf': PAGE });
  expect(customTasks.get('page')).toMatchObject({
    task: { driver: 'executable', parameters: { level: 'low' } },
    at: { file: '/d/page.conf', line: 1, column: 1 },
  });
  expect(warnings).toEqual([]);
});

test('a task of a package that no list names is no problem', () => {
  expect(problemsOf({ '/m': '', '/d/page.conf': PAGE })).toEqual([]);
});

test("an operator's section changes options of a package's task, and adds to them", () => {
  const changes = '[page]\ncommand = /opt/page\ntimeout = 5\nlevel = high\nteam = night\n';
  const { customTasks, taskPolicies } = load({ '/m': LISTS + changes, '/d/page.conf': PAGE });
  expect(customTasks.get('page')?.task).toMatchObject({
    options: { command: ['/opt/page'] },
    parameters: { level: 'high', team: 'night' },
  });
  expect(taskPolicies.get('page')?.timeoutMs).toBe(5000);
});

test("a fault in an operator's change is reported with its position in the operator's file", () => {
  expect(problemsOf({ '/m': `${LISTS}[page]\ncomand = /opt/page\n`, '/d/page.conf': PAGE })).toEqual([
    '/m:4:1: "comand" is not an option in the definition at /d/page.conf:3:1; did you mean "command"?',
  ]);
  expect(problemsOf({ '/m': `${LISTS}[page]\ntimeout = soon\n`, '/d/page.conf': PAGE })).toEqual([
    '/m:4:11: "timeout" takes a number of seconds from 1 to 604800, not "soon"',
  ]);
});

test.each<[string, Readonly<Record<string, string | File>>, string[]]>([
  [
    'two packages define one task',
    { '/m': LISTS, '/d/a.conf': PAGE, '/d/b.conf': `\n${PAGE}` },
    ['/d/b.conf:2:1: task "page" is defined at /d/a.conf:1:1 too; a name can have one task'],
  ],
  [
    'an operator defines the task of a package',
    { '/m': LISTS + PAGE, '/d/a.conf': PAGE },
    ['/d/a.conf:1:1: task "page" is defined at /m:3:1 too; a name can have one task'],
  ],
  [
    'one file defines a task twice',
    { '/m': LISTS, '/d/a.conf': `${PAGE}${PAGE}` },
    expect.arrayContaining(['/d/a.conf:6:1: "driver" is already set at /d/a.conf:2:1; remove one of the two']),
  ],
  [
    'a file holds options of the engine',
    { '/m': LISTS, '/d/a.conf': `${PAGE}[engine]\nnode = evil\n` },
    ['/d/a.conf:5:1: [engine] defines no task; a file of a package holds sections with "driver" only'],
  ],
  [
    'a file holds a section of the engine dressed as a task',
    { '/m': `${LISTS}[engine]\nnode = n1\n`, '/d/a.conf': `${PAGE}[engine]\ndriver = executable\n` },
    ['/d/a.conf:5:1: [engine] defines no task; a file of a package holds sections with "driver" only'],
  ],
  [
    'a file holds task lists',
    { '/m': '', '/d/a.conf': PAGE + LISTS },
    [
      '/d/a.conf:5:1: [taskflow_driver_recovery_flows] defines no task; a file of a package holds sections with "driver" only',
    ],
  ],
  [
    'a file changes options of a task that is not its own',
    { '/m': LISTS, '/d/a.conf': PAGE, '/d/b.conf': '[evacuate_instances_task]\ntimeout = 1\n' },
    ['/d/b.conf:1:1: [evacuate_instances_task] defines no task; a file of a package holds sections with "driver" only'],
  ],
  [
    'its group can write to a file',
    { '/m': '', '/d/a.conf': { text: PAGE, mode: 0o664 } },
    ['/d/a.conf:1:1: others than the owner can write to /d/a.conf (user 0, mode 0664); chmod go-w /d/a.conf'],
  ],
  [
    'every user can write to a file',
    { '/m': '', '/d/a.conf': { text: PAGE, mode: 0o646 } },
    ['/d/a.conf:1:1: others than the owner can write to /d/a.conf (user 0, mode 0646); chmod go-w /d/a.conf'],
  ],
  [
    'a file belongs to a user who is neither root nor we',
    { '/m': '', '/d/a.conf': { text: PAGE, owner: 33 } },
    ['/d/a.conf:1:1: /d/a.conf belongs to user 33 (mode 0644), who can change it; chown root /d/a.conf'],
  ],
  [
    "every user can write to the operator's file",
    { '/m': { text: LISTS + PAGE, mode: 0o666 } },
    ['/m:1:1: others than the owner can write to /m (user 0, mode 0666); chmod go-w /m'],
  ],
  [
    "the group can write to the operator's file, which defines nothing itself",
    { '/m': { text: LISTS, mode: 0o664 }, '/d/page.conf': PAGE },
    ['/m:1:1: others than the owner can write to /m (user 0, mode 0664); chmod go-w /m'],
  ],
  [
    "the operator's file belongs to a user who is neither root nor we",
    { '/m': { text: LISTS + PAGE, owner: 33 } },
    ['/m:1:1: /m belongs to user 33 (mode 0644), who can change it; chown root /m'],
  ],
])('it is refused that %s', (_, files, expected) => {
  expect(problemsOf(files)).toEqual(expected);
});

test('nothing of a file that is not trusted is read: no task, no second problem', () => {
  const text = '[page]\ndriver = nonsense\nthis is no option\n';
  expect(problemsOf({ '/m': '', '/d/a.conf': { text, mode: 0o666 } })).toHaveLength(1);
});

test('task lists in a file of their own follow the rules of the main file, and no other file takes their place', () => {
  const files = { text: LISTS + PAGE, mode: 0o646 };
  const refused = (path: string) =>
    `${path}:1:1: others than the owner can write to ${path} (user 0, mode 0646); chmod go-w ${path}`;
  const main = '[engine]\nrecovery_methods_config = /lists\n';
  expect(problemsOf({ '/m': main, '/lists': files }, [])).toEqual([refused('/lists')]);
  const [first = '', second = ''] = METHODS_FILES;
  expect(problemsOf({ '/m': '', [first]: files, [second]: LISTS }, [])).toEqual([refused(first)]);
});

test("other problems of the operator's file are reported beside its mode", () => {
  expect(problemsOf({ '/m': { text: `${LISTS}${PAGE}timout = 5\n`, mode: 0o666 } })).toEqual([
    expect.stringMatching(/^\/m:1:1: others than the owner can write to \/m/),
    expect.stringMatching(/^\/m:7:1: unknown option "timout"/),
  ]);
});

test('a command that executes no task, and a monitor, do not read it either', () => {
  const content = { bytes: new TextEncoder().encode(LISTS), mode: 0o666, distrust: 'others can write to it' };
  const load = () => loadConfiguration({ mainFile: '/m', readFile: (path) => (path === '/m' ? content : undefined) });
  expect(load).toThrow('/m:1:1: others can write to it');
});

test('a file of our own user is trusted as one of root is', () => {
  expect(load({ '/m': LISTS, '/d/a.conf': { text: PAGE, owner: 1000 } }).customTasks.has('page')).toBe(true);
});
