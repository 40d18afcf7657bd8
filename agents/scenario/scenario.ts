/**
 * The files of one scenario: a folder with `cloud.yaml` and `events.yaml`, or one YAML file with the keys `cloud` and `events`.
 *
 * A folder may contain `scenario.yaml` instead, which names a base folder and contains only what differs from it. Nothing but the files of
 * the folder and of its base is read.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Configuration } from '#config/configuration.ts';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { type CloudFile, cloudOf } from './cloud-file.ts';
import { type EventsFile, eventsOf } from './events-file.ts';
import { checked, readYaml, ScenarioError, type YamlPart } from './yaml-file.ts';

const CONFIGURATION = 'recovery-agent.conf';
const METHODS = 'custom-recovery-methods.conf';
const SCENARIO = 'scenario.yaml';

export interface ScenarioFiles {
  readonly cloud: CloudFile;
  readonly events: EventsFile;
  /** `counts`: equal lines are counted, and the states of single instances are left out. */
  readonly log: 'full' | 'counts';
  /** Undefined: the scenario has none. */
  readonly configuration: Configuration | undefined;
}

const scenarioSchema = v.strictObject({
  /** A folder, from the folder of the file. */
  base: v.exactOptional(v.string()),
  log: v.exactOptional(v.picklist(['full', 'counts']), 'full'),
  /** The text of a recovery-agent.conf. */
  configuration: v.exactOptional(v.string()),
  cloud: v.exactOptional(v.record(v.string(), v.unknown())),
  events: v.exactOptional(v.array(v.unknown())),
});

interface Sources {
  readonly cloud: YamlPart;
  readonly events: YamlPart;
  readonly log: ScenarioFiles['log'];
  /** The text of the file. */
  readonly main: string | undefined;
  readonly methods: string | undefined;
}

/** @param path of the folder or the file. Throws `ScenarioError` or `ConfigurationError` */
export function readScenario(path: string): ScenarioFiles {
  const { main, methods, log, ...parts } = sourcesAt(path);
  const cloud = cloudOf(parts.cloud);
  return { cloud, events: eventsOf(parts.events, cloud), log, configuration: configurationOf(main, methods) };
}

function sourcesAt(path: string): Sources {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new ScenarioError(path, '', 'there is no such folder or file');
  if (!found.isDirectory()) return ofScenarioFile(path, join(path, '..'));
  const file = join(path, SCENARIO);
  return existsSync(file) ? ofScenarioFile(file, path) : ofFolder(path);
}

function ofFolder(folder: string): Sources {
  return {
    cloud: readYaml(join(folder, 'cloud.yaml')),
    events: readYaml(join(folder, 'events.yaml')),
    log: 'full',
    main: textOf(join(folder, CONFIGURATION)),
    methods: textOf(join(folder, METHODS)),
  };
}

function ofScenarioFile(file: string, folder: string): Sources {
  const { base, log, configuration, cloud, events } = checked(readYaml(file), scenarioSchema);
  if (base === undefined) {
    if (cloud === undefined) throw new ScenarioError(file, 'cloud', 'missing');
    if (events === undefined) throw new ScenarioError(file, 'events', 'missing');
  }
  const below = base === undefined ? undefined : baseAt(join(folder, base), file);
  return {
    cloud: { file, path: 'cloud', content: merged(below?.cloud.content, cloud) },
    events: events === undefined && below ? below.events : { file, path: 'events', content: events },
    log,
    main: configuration ?? textOf(join(folder, CONFIGURATION)) ?? below?.main,
    methods: textOf(join(folder, METHODS)) ?? below?.methods,
  };
}

/** A base has no base of its own: a reader opens two files at most. */
function baseAt(folder: string, file: string): Sources {
  const own = join(folder, SCENARIO);
  if (existsSync(join(folder, 'events.yaml'))) return ofFolder(folder);
  if (!existsSync(own)) throw new ScenarioError(file, 'base', `there is no scenario in ${folder}`);
  if (checked(readYaml(own), scenarioSchema).base === undefined) return ofScenarioFile(own, folder);
  throw new ScenarioError(file, 'base', `${own} has a base of its own; name that one`);
}

/** Keys of `change` go before those of `base`, at every depth. */
function merged(base: unknown, change: unknown): unknown {
  if (change === undefined) return base;
  if (!isMap(base) || !isMap(change)) return change;
  const own = Object.entries(change).map(([key, value]) => [key, merged(base[key], value)] as const);
  return { ...base, ...Object.fromEntries(own) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Packages and other files of the machine add nothing to it. */
function configurationOf(main: string | undefined, methods: string | undefined): Configuration | undefined {
  if (main === undefined && methods === undefined) return undefined;
  const texts = new Map([
    [CONFIGURATION, main ?? ''],
    [METHODS, methods ?? ''],
  ]);
  return loadConfiguration({
    mainFile: CONFIGURATION,
    ...(methods === undefined ? {} : { recoveryMethodsFile: METHODS }),
    definitions: { files: [], read: readCustomTask },
    // The mode of a file in a clone is of no interest.
    readFile: (name) => {
      const text = texts.get(name);
      return text === undefined ? undefined : { bytes: Buffer.from(text), mode: 0o600 };
    },
  });
}
