/**
 * Files that the definition of a task names: by an absolute path, or with `./` or `../` from the folder of the file that names them.
 *
 * Invariant: a resolved path is absolute, and the same for every program that reads the file; who may write to what is there is checked
 * like for any other path.
 */
import { dirname, resolve } from 'node:path';
import type { Value } from '../expressions/expression.ts';
import type { TextForm } from '../options/kinds.ts';

export const RELATIVE_PATH = /^\.\.?\//;
export const TASK_FILE: TextForm = {
  takes: 'an absolute path, or one that begins with ./ or ../',
  pattern: /^(\/|\.\.?\/).*$/,
};
export const OPTIONAL_TASK_FILE: TextForm = {
  takes: 'an absolute path, one that begins with ./ or ../, or nothing',
  pattern: /^((\/|\.\.?\/).*)?$/,
};

/**
 * The value with its relative path resolved: a path, a command, of which the first word is one, or actions, whose params may have one.
 * @param file that holds the value
 */
export function withPath(value: Value, file: string): Value {
  if (typeof value === 'string') return RELATIVE_PATH.test(value) ? resolve(dirname(file), value) : value;
  if (!Array.isArray(value)) return value;
  const [program, ...words] = value;
  if (typeof program === 'string') return [withPath(program, file), ...words];
  return value.map((action: Value) => withParams(action, file));
}

function withParams(action: Value, file: string): Value {
  const params = isStructure(action) ? action.params : undefined;
  if (!isStructure(action) || !isStructure(params) || params.definition_file === undefined) return action;
  return { ...action, params: { ...params, definition_file: withPath(params.definition_file, file) } };
}

function isStructure(value: Value | undefined): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
