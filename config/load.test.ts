import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Configuration } from './configuration.ts';
import { readConfigurationFile } from './document/files.ts';
import { ConfigurationError, formatProblem } from './document/problem.ts';
import { DEFAULT_MAIN_FILE, loadConfiguration, METHODS_FILES, type Sources } from './load.ts';
import { DEFAULT_OPTIONS } from './options/options.ts';
import { DEFAULT_SEGMENT } from './options/segments.ts';
import { DEFAULT_PIPELINES } from './pipelines/default-lists.ts';
import { policyOf } from './pipelines/task-policies.ts';

const FLOWS = '[taskflow_driver_recovery_flows]\n';
type Names = Omit<Sources, 'readFile'>;

function load(files: Record<string, string>, names: Names = {}, mode = 0o640): Configuration {
  return loadConfiguration({
    ...names,
    readFile: (path) => {
      const text = files[path];
      return text === undefined ? undefined : { bytes: new TextEncoder().encode(text), mode };
    },
  });
}

function problemsOf(files: Record<string, string>, names: Names = {}, mode = 0o640): string[] {
  try {
    return load(files, names, mode).warnings.map(formatProblem);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.message).toBe(error.problems.map(formatProblem).join('\n'));
    return error.problems.map(formatProblem);
  }
}

test('without any file everything has its default', () => {
  const configuration = load({});
  expect(configuration).toMatchObject({
    options: DEFAULT_OPTIONS,
    segments: [DEFAULT_SEGMENT],
    pipelines: DEFAULT_PIPELINES,
    warnings: [],
  });
  expect(configuration.hash).toMatch(/^[0-9a-f]{64}$/);
});

test('the files of both kinds are found and read', () => {
  const { options, pipelines, taskPolicies, warnings } = load({
    [DEFAULT_MAIN_FILE]: '[DEFAULT]\nverify_interval = 0.05\n[engine]\nlog_level = debug\ntask_retries = 2\n',
    [METHODS_FILES[1] ?? '']:
      `${FLOWS}process_failure_recovery_tasks = main:['mail']\n[mail]\ntimeout = 1.5\non_failure = continue\nto = ops`,
    [METHODS_FILES[2] ?? '']: 'never read',
  });
  expect(warnings).toEqual([]);
  expect(options.general.verifyIntervalMs).toBe(50);
  expect(options.engine.logLevel).toBe('debug');
  expect(pipelines.process.main).toEqual(['mail']);
  expect(taskPolicies.get('mail')).toEqual({
    timeoutMs: 1500,
    retries: 2,
    retryDelayMs: 5000,
    onFailure: 'continue',
    parameters: new Map([['to', { value: 'ops', at: { file: METHODS_FILES[1], line: 6, column: 6 } }]]),
  });
  const configuration = { options, taskPolicies };
  expect(policyOf(configuration, 'mail').timeoutMs).toBe(1500);
  expect(policyOf(configuration, 'other')).toMatchObject({ timeoutMs: 3_600_000, retries: 2, onFailure: 'abort' });
});

test('one named file may contain everything, and the default files of task lists are then not read', () => {
  const main = `${FLOWS}process_failure_recovery_tasks = main:['a']\n[engine]\nnode = n1`;
  const other = `${FLOWS}process_failure_recovery_tasks = main:['b']`;
  const { options, pipelines } = load({ '/m': main, [METHODS_FILES[0] ?? '']: other }, { mainFile: '/m' });
  expect(options.engine.node).toBe('n1');
  expect(pipelines.process.main).toEqual(['a']);
  expect(load({ '/m': main }, { mainFile: '/m', recoveryMethodsFile: '/m' }).pipelines.process.main).toEqual(['a']);
});

test('the option names the file with the task lists, an argument goes before it', () => {
  const files = {
    '/m': '[engine]\nrecovery_methods_config = /a',
    '/a': `${FLOWS}process_failure_recovery_tasks = main:['a']`,
    '/b': `${FLOWS}process_failure_recovery_tasks = main:['b']`,
  };
  expect(load(files, { mainFile: '/m' }).pipelines.process.main).toEqual(['a']);
  expect(load(files, { mainFile: '/m', recoveryMethodsFile: '/b' }).pipelines.process.main).toEqual(['b']);
});

test('a named file must exist', () => {
  expect(problemsOf({}, { mainFile: '/m', recoveryMethodsFile: '/r' })).toEqual([
    '/m:1:1: the configuration file does not exist',
    '/r:1:1: the file with the task lists does not exist',
  ]);
  expect(problemsOf({ '/m': '[engine]\nrecovery_methods_config = /r' }, { mainFile: '/m' })).toEqual([
    '/r:1:1: the file with the task lists does not exist',
  ]);
});

test('a file that cannot be read is an error, even a default one', () => {
  const readFile = (path: string) => {
    if (path === DEFAULT_MAIN_FILE) throw new Error('EACCES: permission denied');
    return undefined;
  };
  expect(() => loadConfiguration({ readFile })).toThrow(
    `${DEFAULT_MAIN_FILE}:1:1: the file cannot be read: EACCES: permission denied`,
  );
});

test('a section in two files is joined, and an option in both is refused', () => {
  const sources = { mainFile: '/m', recoveryMethodsFile: '/r' };
  const engine = (lines: string) => ({ '/m': '[engine]\nnode = a\n[cloud]', '/r': `${FLOWS}[engine]\n${lines}` });
  expect(problemsOf(engine('node = b'), sources)).toEqual([
    '/r:3:1: "node" is already set at /m:2:1; remove one of the two',
  ]);
  expect(problemsOf(engine('log_level = debug'), sources)).toEqual([]);
});

const PASSWORD = '[DEFAULT]\nos_privileged_user_password = geheim';

test('a password in a file that every user can read is refused and never shown', () => {
  expect(problemsOf({ '/m': PASSWORD }, { mainFile: '/m' }, 0o100644)).toEqual([
    '/m:2:1: a password in a file that every user can read (mode 0644); chmod o= /m',
  ]);
  expect(problemsOf({ '/m': PASSWORD }, { mainFile: '/m' }, 0o100640)).toEqual([]);
  expect(problemsOf({ '/m': '[DEFAULT]\nos_privileged_user_name = x' }, { mainFile: '/m' }, 0o100644)).toEqual([
    '/m:2:1: warning: "os_privileged_user_name" is of no use without "os_privileged_user_password" and "os_privileged_user_tenant" and "os_privileged_user_auth_url"',
  ]);
});

test('no slip of a finger brings the password into a message', () => {
  const text = '[engine]\nnode = n1\nlog_level = info\nos_privileged_user_password = geheim\n[DEFAULT]\nhost = x\n';
  const texts = [text, text.replace('[engine]', '[DEFAULT]')];
  const slips = texts.flatMap((base) =>
    Array.from(base).flatMap((_, index) => [
      base.slice(0, index) + base.slice(index + 1),
      ...Array.from(`[]{}'"=:#;, \n\t\\a`, (character) => base.slice(0, index) + character + base.slice(index)),
    ]),
  );
  for (const slip of slips.filter((candidate) => candidate.includes('geheim'))) {
    expect(problemsOf({ f: slip }, { mainFile: 'f' }).join('\n')).not.toContain('geheim');
  }
});

test('the hash follows effective values and nothing else', () => {
  const hash = (text: string) => load({ '/m': text }, { mainFile: '/m' }).hash;
  const same = hash('');
  expect(hash('# only words\n[DEFAULT]\nverify_interval = 1.0\n')).toBe(same);
  expect(hash(PASSWORD)).toBe(same);
  expect(
    hash(
      `${FLOWS}instance_failure_recovery_tasks = post:[confirm_instance_active_task]\n main:[start_instance_task] pre:[stop_instance_task]`,
    ),
  ).toBe(same);
  const others = [
    '[DEFAULT]\nverify_interval = 2',
    '[failover_segment a]\nhosts = x',
    `${FLOWS}instance_failure_recovery_tasks = main:['a']`,
    '[stop_instance_task]\ntimeout = 7',
    '[stop_instance_task]\nextra = 7',
  ].map(hash);
  expect(new Set([same, ...others]).size).toBe(others.length + 1);
});

test('real files are read, other things are not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  try {
    const path = join(folder, 'a.conf');
    writeFileSync(path, '[engine]\nnode = here\n');
    chmodSync(path, 0o604);
    expect(readConfigurationFile(path)?.mode).toBe(0o100604);
    expect(readConfigurationFile(join(folder, 'none'))).toBeUndefined();
    expect(readConfigurationFile(join(path, 'none'))).toBeUndefined();
    expect(() => readConfigurationFile(folder)).toThrow('is no regular file');
    const loaded = loadConfiguration({ mainFile: path, readFile: readConfigurationFile });
    expect(loaded.options.engine.node).toBe('here');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('all problems of all files are reported at once, in order', () => {
  const files = {
    '/m': '[engine]\nnode = a b\nlog_level = loud\n[DEFAULT]\ndebug = 1\n[nothing]',
    '/r': `${FLOWS}host_rh_failure_recovery_tasks = pre:['a'\nhost_auto_failure_recovery_tasks = mian:[]`,
  };
  expect(problemsOf(files, { mainFile: '/m', recoveryMethodsFile: '/r' })).toEqual([
    '/m:2:8: "node" takes a host name (letters, digits and - . _, at most 255 of them, the first no "-" or "."), or nothing, not "a b"',
    '/m:3:13: "log_level" takes one of debug, info, warning, error, not "loud"',
    '/m:5:1: warning: "debug" has no effect here; logs go to standard error, see [engine] log_level',
    '/m:6:1: unknown section [nothing]; it is neither known nor a task of any list',
    `/r:2:38: "host_rh_failure_recovery_tasks": no ] closes this [`,
    '/r:3:36: unknown phase "mian"; did you mean "main"?',
  ]);
});
