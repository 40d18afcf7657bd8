/** The values of a scene, in the form that both readers give them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '#config/configuration.ts';
import { CONFIGURATION_FILES } from '#config/document/files.ts';
import { ConfigurationError, formatProblem } from '#config/document/problem.ts';
import { loadConfiguration } from '#config/load.ts';
import { OPTIONS, type OptionEntry } from '#config/options/options.ts';
import { FLOWS_SECTION, optionOfFlow, PHASES } from '#config/pipelines/pipelines.ts';
import type { Release } from './install.ts';
import type { Placed, Program } from './scene.ts';

const READER = fileURLToPath(new URL('read_scenes.py', import.meta.url));

/** By `section.option`; text, number, truth, a list by phase, or null where there is none. */
export type Values = Readonly<Record<string, unknown>>;
export type Reading =
  | { readonly values: Values; readonly error?: undefined }
  | { readonly values?: undefined; readonly error: string };

/** What Masakari registers of one option. */
export interface RegisteredThere {
  readonly section: string;
  readonly name: string;
  readonly type: string;
  readonly secret: boolean;
  readonly multi: boolean;
  readonly default: string | null;
  readonly old: readonly string[];
}

const FLOW_OPTIONS = (['host_auto', 'host_rh', 'instance', 'process'] as const).map(
  (flow) => [FLOWS_SECTION, optionOfFlow(flow), flow] as const,
);
const NO_TASKS = Object.fromEntries(PHASES.map((phase) => [phase, []]));
const NAMES = [
  ...OPTIONS.map(({ section, spec }) => [section, spec.name]),
  ...FLOW_OPTIONS.map(([section, name]) => [section, name]),
];

/** One process of a release's program, which returns a line for each line. */
async function requested(release: Release, program: Program, requests: readonly object[]): Promise<unknown[]> {
  const child = spawn('/usr/bin/python3', ['-B', READER, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { LC_ALL: 'C.UTF-8', ...(release.modules === undefined ? {} : { PYTHONPATH: release.modules }) },
  });
  const output = text(child.stdout);
  child.stdin.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${READER} ended with ${code}`);
  const lines = (await output).trimEnd().split('\n');
  if (lines.length !== requests.length) throw new Error(`${lines.length} readings for ${requests.length} scenes`);
  return lines.map((line) => JSON.parse(line));
}

export async function registryOf(release: Release, program: Program): Promise<readonly RegisteredThere[]> {
  const [reading] = await requested(release, program, [{ registry: true }]);
  return (reading as { registry: RegisteredThere[] }).registry;
}

/** Of each scene, one reading for each way in which Masakari is started. */
export async function readByMasakari(
  release: Release,
  program: Program,
  scenes: readonly Placed[],
): Promise<readonly (readonly Reading[])[]> {
  const requests = scenes.flatMap(({ home, starts }) =>
    starts.map((words) => ({ home, arguments: words, options: NAMES })),
  );
  const readings = (await requested(release, program, requests)).map((each) => readingOf(each as ReadThere));
  return scenes.map(({ starts }) => readings.splice(0, starts.length));
}

type ReadThere =
  | { readonly error: string }
  | { readonly values: Readonly<Record<string, { readonly value: unknown } | { readonly error: string }>> };

function readingOf(there: ReadThere): Reading {
  if ('error' in there) return there;
  const values: Record<string, unknown> = {};
  for (const [name, found] of Object.entries(there.values)) {
    if ('error' in found) return { error: `${name}: ${found.error}` };
    // For both, an option without a default and one with an empty text are the same.
    values[name] = found.value === '' ? null : found.value;
    if (name.startsWith(`${FLOWS_SECTION}.`)) values[name] = { ...NO_TASKS, ...(found.value as object) };
  }
  return { values };
}

/** By us. Throws what is no `ConfigurationError`. */
export function readByUs({ home, mainFile, recoveryMethodsFile }: Placed): Reading {
  process.env.RECOVERY_AGENT_ROOT = home;
  try {
    return { values: valuesOf(loadConfiguration({ mainFile, recoveryMethodsFile, ...CONFIGURATION_FILES })) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const errors = error.problems.filter(({ severity }) => severity === 'error');
    return { error: errors.map(formatProblem).join('\n') };
  }
}

function valuesOf({ options, pipelines }: Configuration): Values {
  const values: Record<string, unknown> = {};
  for (const entry of OPTIONS) values[`${entry.section}.${entry.spec.name}`] = comparable(entry, options);
  for (const [section, name, flow] of FLOW_OPTIONS) {
    values[`${section}.${name}`] = Object.fromEntries(PHASES.map((phase) => [phase, pipelines[flow][phase]]));
  }
  return values;
}

/** Durations in seconds. */
function comparable({ group, field }: OptionEntry, options: Configuration['options']): unknown {
  const value = (options[group] as Readonly<Record<string, unknown>>)[field];
  if (typeof value === 'number' && field.endsWith('Ms')) return value / 1000;
  return value === '' ? null : value;
}
