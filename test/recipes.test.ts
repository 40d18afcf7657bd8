/** What is added by one file and one line of a table is in that table: a file that is in no table would be dead code, silently. */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMAND_SUMMARIES, commandFile } from '#agents/command-table.ts';
import { SOURCE_NAMES } from '#config/options/host-sources.ts';
import { OPTION_GROUPS, OPTIONS } from '#config/options/options.ts';
import { DEFAULT_PIPELINES } from '#config/pipelines/default-lists.ts';
import { FLOWS, PHASES } from '#config/pipelines/pipelines.ts';
import { GATES } from '#engine/gates/gates.ts';
import { MIGRATIONS } from '#engine/journal/schema.ts';
import { BUILT_IN_TASKS } from '#engine/tasks/registry.ts';
import { SOURCES } from '#monitors/host/sources/registry.ts';
import { COMMANDS } from '#packaging/completion/commands.ts';
import { NOTIFICATION_STATUSES } from '#protocol/notification-status.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Files below the root of the checkout, tests left out. */
function filesOf(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: ROOT })
    .filter((path) => !path.endsWith('.test.ts'))
    .sort();
}

describe('commands', () => {
  it('every file of agents/commands is in the table', () => {
    expect(COMMAND_NAMES.map(commandFile).sort()).toEqual(filesOf('agents/commands/*.ts'));
  });

  it('every line of the table has a command of this name and a summary', () => {
    expect([...COMMANDS.keys()]).toEqual(COMMAND_NAMES);
    for (const [name, { name: own }] of COMMANDS) expect(own).toBe(name);
    for (const [name, summary] of COMMAND_SUMMARIES) expect(summary, name).toMatch(/^[a-z].{5,}[^.]$/);
  });
});

describe('host sources', () => {
  it('every folder with a source.ts is registered, and allowed in option "sources"', () => {
    const folders = filesOf('monitors/host/sources/*/source.ts').map((path) => basename(dirname(path)));
    expect(Object.keys(SOURCES).sort()).toEqual(folders);
    expect([...SOURCE_NAMES].sort()).toEqual(folders);
  });

  it.each(SOURCE_NAMES)('%s has its own name and uses groups of options that exist', async (name) => {
    const kind = await SOURCES[name]();
    expect(kind.name).toBe(name);
    for (const group of kind.groups) expect(Object.keys(OPTION_GROUPS)).toContain(group);
  });
});

describe('gates', () => {
  it('every file of engine/gates that decides is in the list, and in the table of docs/concepts/safety.md', () => {
    const files = filesOf('engine/gates/*-decision.ts').map((path) => basename(path, '-decision.ts'));
    expect(GATES.map(({ name }) => name).sort()).toEqual(files);
    const page = readFileSync(join(ROOT, 'docs/concepts/safety.md'), 'utf8');
    for (const { name } of GATES) expect(page).toContain(`| \`${name}\` |`);
    const options = OPTIONS.filter(({ group }) => group === 'gates').map(({ spec }) => spec.name);
    for (const option of options) expect(page).toContain(`\`${option}\``);
  });
});

describe('built-in tasks', () => {
  it('every file that exports one is registered', async () => {
    const exported: string[] = [];
    for (const path of filesOf('engine/tasks/*.ts')) {
      const [, name] = /^export const (\w+): BuiltInTask\b/m.exec(readFileSync(join(ROOT, path), 'utf8')) ?? [];
      if (name === undefined) continue;
      const module: Readonly<Record<string, { readonly name: string }>> = await import(join(ROOT, path));
      exported.push(module[name]?.name ?? path);
    }
    expect(exported.sort()).toEqual([...BUILT_IN_TASKS.keys()].sort());
  });

  it('every task of the default lists exists, and is allowed in its flow', () => {
    for (const flow of FLOWS) {
      for (const name of PHASES.flatMap((phase) => DEFAULT_PIPELINES[flow][phase])) {
        const task = BUILT_IN_TASKS.get(name);
        expect(task?.name, flow).toBe(name);
        expect(task?.flows ?? FLOWS, name).toContain(flow);
      }
    }
  });
});

describe('statuses of notifications', () => {
  it('the schema of the journal accepts exactly those of the list', () => {
    const list = NOTIFICATION_STATUSES.map((status) => `'${status}'`).join(', ');
    expect(MIGRATIONS.join('\n')).toContain(`status TEXT NOT NULL CHECK (status IN (${list}))`);
  });
});

describe('options', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/configuration.md'), 'utf8');

  it.each(OPTIONS.map(({ section, spec }) => [section, spec.name, spec] as const))(
    '[%s] %s is on the reference page, with a valid example if it has one',
    (section, name, { help, example, parse }) => {
      const [, part = ''] = page.split(`\n## [${section}]\n`);
      expect(part.split('\n## ')[0]).toContain(`\n### ${name}\n\n${help}\n`);
      if (example !== undefined) expect(parse(example)).toHaveProperty('value');
    },
  );

  it('no two options have one name for tasks', () => {
    const settings = OPTIONS.flatMap(({ spec }) => (spec.setting === undefined ? [] : [spec.setting]));
    expect(new Set(settings).size).toBe(settings.length);
  });
});
