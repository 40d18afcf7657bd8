import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMON_OPTIONS } from '#agents/command.ts';
import { renderCompletion } from './bash.ts';
import { COMMANDS } from './commands.ts';

/** Options with few possible values: command, option, its entry in the table of the command, the values. */
const VALUES = [...COMMANDS].flatMap(([command, { options }]) =>
  Object.entries(options).flatMap(([name, option]) =>
    option.values === undefined ? [] : [[command, `--${name}`, option, option.values] as const],
  ),
);

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-completion-'));
  writeFileSync(join(directory, 'completion'), renderCompletion());
  for (const file of ['one.conf', 'other.conf', 'a blank.conf']) writeFileSync(join(directory, file), '');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What bash offers after these words; the last one is being typed. */
function offered(...words: readonly string[]): string[] {
  const script = `set -u
source ./completion
[[ $(complete -p recovery-agent) == 'complete -F _recovery_agent recovery-agent' ]] || exit
COMP_WORDS=(recovery-agent "$@") COMP_CWORD=$#
_recovery_agent
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['--norc', '--noprofile', '-c', script, 'bash', ...words], {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return output.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  it('offers the commands', () => {
    expect(offered('')).toEqual([...COMMANDS.keys(), 'help', '--help', '--version']);
    expect(offered('sh')).toEqual(['show']);
    expect(offered('x')).toEqual([]);
  });

  it.each([...COMMANDS])('offers the options of %s', (name, { options }) => {
    const names = Object.keys({ ...options, ...COMMON_OPTIONS }).map((option) => `--${option}`);
    expect(offered(name, '-')).toEqual(names);
    expect(offered(name, '--js')).toEqual(names.includes('--json') ? ['--json'] : []);
  });

  it('offers nothing for what is no command', () => {
    expect(offered('frobnicate', '')).toEqual([]);
  });

  it('knows options with few values', () => {
    expect(VALUES.map(([command, option]) => `${command} ${option}`)).toEqual([
      'engine --log-level',
      'notify --type',
      'notify --event',
      'notify --cluster-status',
      'notify --host-status',
      'list --status',
      'host --reserved',
      'host --maintenance',
      'simulate --flow',
      'monitor --log-level',
    ]);
  });

  it.each(VALUES)('offers the values of %s %s', (command, option, _, values) => {
    expect(offered(command, option, '')).toEqual(values);
    expect(offered(command, option, '=')).toEqual(values);
    expect(offered(command, option, '=', values[0] ?? '')).toContain(values[0]);
  });

  it('knows the values that the help names', () => {
    for (const [command, option, { help, value }, values] of VALUES) {
      for (const word of values)
        expect(`${value} ${help}`, `${command} ${option}`).toMatch(new RegExp(`\\b${word}\\b`));
    }
  });

  it('offers files where one is expected, and nothing where any word is allowed', () => {
    const files = ['a blank.conf', 'one.conf', 'other.conf'];
    for (const words of [
      ['status', '--config'],
      ['list', '-c'],
      ['notify', '-f'],
      ['engine', '--journal'],
      ['validate'],
    ]) {
      expect(offered(...words, '').toSorted(), words.join(' ')).toEqual(expect.arrayContaining(files));
    }
    expect(offered('validate', 'on')).toEqual(['one.conf']);
    expect(offered('notify', '--hostname', '')).toEqual([]);
    expect(offered('list', '--limit', '')).toEqual([]);
  });
});
