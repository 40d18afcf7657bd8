/** Secrets in clear in the section of a custom task, each with its place and with the way to give it. No message holds any of a value. */
import { dirname, resolve } from 'node:path';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Position, type Problem } from '../document/problem.ts';
import type { Value } from '../expressions/expression.ts';
import { listItems, shown } from '../options/kinds.ts';
import { clearSecretIn, isSecretName, secretReference, secretWordIn } from './clear-secrets.ts';
import type { DriverForm } from './drivers/driver-form.ts';
import type { CustomTask } from './task-definition.ts';

const REFERENCE = 'file:/PATH (its first line) or env:VARIABLE';

/** What to do about a secret in an option of a driver. */
const WAYS: Readonly<Record<string, string>> = {
  command: `every user sees it among the processes; give it as a parameter of its own, e.g. api_token = file:/PATH, which the program reads from standard input`,
  url: 'use url_file, or token_file',
  headers: `write ${REFERENCE} as its text, or use token_file`,
  body: `write ${REFERENCE} as its text`,
  inputs: 'keep it where the workflow can read it, e.g. in Barbican, and give its name',
  actions: 'keep it where the workflow can read it, e.g. in Barbican, and give its name',
};
const NOT_REFERENCED: ReadonlySet<string> = new Set(['inputs', 'actions']);

export function secretProblems(section: DocumentSection, task: CustomTask, form: DriverForm): Problem[] {
  const problems: Problem[] = [];
  const excepted = exceptionsIn(section, problems);
  const isSecret = (name: string): boolean => !excepted.has(name) && isSecretName(name);
  const placeOf = (name: string): Position => section.options.get(name)?.value.place(0) ?? section.at;
  const report = (option: string, what: string, way: string): void => {
    const name = what.replaceAll('"', '');
    const override = /^word/.test(what) ? option : name;
    const end = `if it is none, write "not_secret = ${override}"`;
    problems.push(
      errorAt(placeOf(option), `${what} resembles a secret in clear, which would be in the journal; ${way}; ${end}`),
    );
  };
  for (const [name, text] of Object.entries(task.parameters)) {
    const isExcepted = excepted.has(name);
    if (isExcepted && secretReference(text) !== undefined) {
      problems.push(
        errorAt(
          placeOf(name),
          `"${name}" is in "not_secret" and reads like a reference to a secret; remove one of both`,
        ),
      );
    } else if (!isExcepted && clearSecretIn(name, text, isSecret) !== undefined) {
      report(name, `"${name}"`, `write ${name} = ${REFERENCE}`);
    }
  }
  for (const field of form.templates) {
    const option = form.options[field]?.name ?? field;
    const value = task.options[field];
    if (value === undefined || excepted.has(option)) continue;
    const way = WAYS[option] ?? 'leave it out';
    if (option === 'command') {
      const word = Array.isArray(value) ? secretWordIn(value.map(String), isSecret) : undefined;
      if (word !== undefined) report(option, word, way);
      continue;
    }
    const found =
      clearSecretIn(option, value, isSecret) ?? (NOT_REFERENCED.has(option) ? referenceIn(value, isSecret) : undefined);
    if (found !== undefined) report(option, `"${found}"`, way);
  }
  for (const name of task.provides) {
    if (isSecret(name)) report('provides', `"${name}"`, 'let the tasks that need it read it themselves');
  }
  return problems;
}

/** A reference where none is resolved. */
function referenceIn(value: CustomTask['options'][string], isSecret: (name: string) => boolean): string | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'string' && isSecret(name) && secretReference(item) !== undefined) return name;
    const inner = typeof item === 'object' ? referenceIn(item, isSecret) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function exceptionsIn(section: DocumentSection, problems: Problem[]): ReadonlySet<string> {
  const option = section.options.get('not_secret');
  const names = new Set<string>();
  for (const { text, offset } of option ? listItems(option.value.text) : []) {
    names.add(text);
    if (/^[\w.-]{1,128}$/.test(text)) continue;
    problems.push(errorAt(option?.value.place(offset) ?? section.at, `"not_secret" takes names, not ${shown(text)}`));
  }
  return names;
}

/** A value of an option with the paths of references in it resolved from the folder of the file that names them. */
export function withReferencePaths<T extends Value>(value: T, file: string, name = ''): T {
  const resolved = (one: Value, key: string): Value => {
    if (typeof one === 'string') {
      const reference = isSecretName(key) ? secretReference(one) : undefined;
      return reference?.from === 'file' ? `file:${resolve(dirname(file), reference.path)}` : one;
    }
    if (Array.isArray(one)) return one.map((item: Value) => resolved(item, key));
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([inner, item]) => [inner, resolved(item, inner)]));
  };
  return resolved(value, name) as T;
}
