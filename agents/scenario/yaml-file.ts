/** Reads the YAML files of a scenario. Every error names the file and the path of the value in it. */
import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse } from 'yaml';

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';

  /** @param path of the value in the file, e.g. `instances.web.host` */
  constructor(file: string, path: string, reason: string) {
    super(`${file}: ${path === '' ? '' : `${path}: `}${reason}`);
  }
}

/** A value of a YAML file, before it is checked. */
export interface YamlPart {
  readonly file: string;
  /** Of the value in the file; empty: the whole file. */
  readonly path: string;
  readonly content: unknown;
}

/** Throws `ScenarioError`. */
export function readYaml(file: string): YamlPart {
  if (!existsSync(file)) throw new ScenarioError(file, '', 'the file does not exist');
  try {
    return { file, path: '', content: parse(readFileSync(file, 'utf8'), { schema: 'core', stringKeys: true }) };
  } catch (error) {
    throw new ScenarioError(file, '', error instanceof Error ? error.message : String(error));
  }
}

/** Throws `ScenarioError` with the first error of the value. */
export function checked<S extends v.GenericSchema>(part: YamlPart, schema: S): v.InferOutput<S> {
  const result = v.safeParse(schema, part.content, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new ScenarioError(part.file, joined(part.path, pathOf(issue)), reasonOf(issue));
}

export function joined(path: string, more: string): string {
  return path === '' || more === '' ? path + more : `${path}.${more}`;
}

/** Entries of a list count from 1. */
function pathOf({ path }: v.BaseIssue<unknown>): string {
  return (path ?? []).map(({ key }) => (typeof key === 'number' ? `entry ${key + 1}` : String(key))).join('.');
}

function reasonOf({ type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (type === 'strict_object' && expected === 'never') return 'unknown key';
  if (received === 'undefined') return 'missing';
  return type === 'check' ? message : `expected ${expected ?? 'another value'}, found ${received}`;
}
