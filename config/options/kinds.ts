/**
 * The kinds of values of an option: how the text in the file becomes a typed value, and the message if it does not.
 *
 * Invariant: `parse(written)` gives `fallback`, for every option; what `--help`, the example file and the engine take as
 * the default is therefore one thing.
 */

import { HOST_NAME, HOST_NAME_RULE } from '#protocol/host-name.ts';

export type Parsed<T> = { readonly value: T } | { readonly fault: string; readonly offset?: number };

/** One option: its name in the file, its default, what it takes, and how its text is read. */
export interface OptionSpec<T> {
  readonly name: string;
  readonly fallback: T;
  /** The default as it is written in the file. */
  readonly written: string;
  /** The allowed values: unit and range, or the words. */
  readonly takes: string;
  /** One line for the operator. */
  readonly help: string;
  /** The value of a secret appears in no message, no example and no hash. */
  readonly secret: boolean;
  /** A value other than the default, for the reference page. */
  readonly example?: string;
  /** The name under which tasks see the value; absent: no task does. See task-settings.ts. */
  readonly setting?: string;
  /** The fault completes a sentence that begins with the name of the option. */
  parse(text: string): Parsed<T>;
}

/** Adds a value that the reference page shows. */
export function withExample<Spec extends OptionSpec<unknown>>(example: string, spec: Spec): Spec {
  return { ...spec, example };
}

/** An option that tasks see under this name. Plans in journals contain the name: it never changes. */
export function seenByTasks<T, const Name extends string>(
  setting: Name,
  spec: OptionSpec<T>,
): OptionSpec<T> & { readonly setting: Name } {
  return { ...spec, setting };
}

type Range = readonly [min: number, max: number];

/** A value as it may be repeated in a message: on one line, short, and not if a secret may have slipped into it. */
export function shown(text: string): string {
  if (/pass|secret|token/i.test(text)) return 'the value that is set';
  const line = text.replaceAll(/\s+/g, ' ');
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 57)}...` : line);
}

/** A duration: written in seconds, with a fraction if need be; kept in whole milliseconds. */
export function seconds(name: string, fallback: number, [min, max]: Range, help: string): OptionSpec<number> {
  return {
    name,
    fallback: fallback * 1000,
    written: String(fallback),
    takes: `seconds, ${min} to ${max}`,
    help,
    secret: false,
    parse(text) {
      if (!/^\d{1,12}(\.\d{1,12})?$/.test(text))
        return { fault: `takes a number of seconds from ${min} to ${max}, not ${shown(text)}` };
      const value = Number(text);
      if (value < min || value > max) return { fault: `must be between ${min} and ${max} seconds, not ${text}` };
      return { value: Math.round(value * 1000) };
    },
  };
}

/** A whole number. */
export function count(name: string, fallback: number, [min, max]: Range, help: string): OptionSpec<number> {
  return {
    name,
    fallback,
    written: String(fallback),
    takes: `whole number, ${min} to ${max}`,
    help,
    secret: false,
    parse(text) {
      if (!/^\d{1,12}$/.test(text)) return { fault: `takes a whole number from ${min} to ${max}, not ${shown(text)}` };
      const value = Number(text);
      if (value < min || value > max) return { fault: `must be between ${min} and ${max}, not ${text}` };
      return { value };
    },
  };
}

const TRUE_WORDS = ['true', '1', 'yes', 'on'];
const FALSE_WORDS = ['false', '0', 'no', 'off'];

/** true or false, in any of the words oslo.config takes, in any case. */
export function flag(name: string, fallback: boolean, help: string): OptionSpec<boolean> {
  return {
    name,
    fallback,
    written: String(fallback),
    takes: 'true or false',
    help,
    secret: false,
    parse(text) {
      const word = text.toLowerCase();
      if (TRUE_WORDS.includes(word)) return { value: true };
      if (FALSE_WORDS.includes(word)) return { value: false };
      return { fault: `takes true or false, not ${shown(text)}` };
    },
  };
}

/** The form of a text, in words and as a pattern. */
export interface TextForm {
  readonly takes: string;
  readonly pattern: RegExp;
}

export const ANY_TEXT: TextForm = { takes: 'text', pattern: /^.*$/s };
export const NAME: TextForm = { takes: 'a name of at most 255 characters', pattern: /^.{1,255}$/ };
export const ABSOLUTE_PATH: TextForm = { takes: 'an absolute path', pattern: /^\/.*$/ };
export const OPTIONAL_PATH: TextForm = { takes: 'an absolute path, or nothing', pattern: /^(\/.*)?$/ };
export const OPTIONAL_URL: TextForm = {
  takes: 'an http:// or https:// URL, or nothing',
  pattern: /^(https?:\/\/\S+)?$/,
};
export const OPTIONAL_HOST: TextForm = {
  takes: `a host name (${HOST_NAME_RULE}), or nothing`,
  pattern: new RegExp(`^$|${HOST_NAME.source}`),
};
export const CATALOG_INFO: TextForm = { takes: 'TYPE:NAME:INTERFACE', pattern: /^[^:\s]+:[^:]*:[^:\s]+$/ };

export function text(name: string, fallback: string, form: TextForm, help: string): OptionSpec<string> {
  return {
    name,
    fallback,
    written: fallback,
    takes: form.takes,
    help,
    secret: false,
    parse: (value) => (form.pattern.test(value) ? { value } : { fault: `takes ${form.takes}, not ${shown(value)}` }),
  };
}

/** A text that only the cloud may receive. */
export function secret(name: string, help: string): OptionSpec<string> {
  return { name, fallback: '', written: '', takes: 'text', help, secret: true, parse: (value) => ({ value }) };
}

/** One of some words. */
export function choice<const T extends string>(
  name: string,
  fallback: NoInfer<T>,
  words: readonly T[],
  help: string,
): OptionSpec<T> {
  return {
    name,
    fallback,
    written: fallback,
    takes: words.join(', '),
    help,
    secret: false,
    parse(value) {
      const word = words.find((candidate) => candidate === value);
      return word === undefined ? { fault: `takes one of ${words.join(', ')}, not ${shown(value)}` } : { value: word };
    },
  };
}

/** Any number of some words. */
export function choices<const T extends string>(
  name: string,
  words: readonly T[],
  help: string,
  fallback: readonly NoInfer<T>[] = [],
): OptionSpec<readonly T[]> {
  return {
    name,
    fallback,
    written: fallback.join(', '),
    takes: `any of ${words.join(', ')}`,
    help,
    secret: false,
    parse(value) {
      const chosen: T[] = [];
      for (const item of listItems(value)) {
        const word = words.find((candidate) => candidate === item.text);
        if (word === undefined) {
          return { fault: `takes any of ${words.join(', ')}, not ${shown(item.text)}`, offset: item.offset };
        }
        if (!chosen.includes(word)) chosen.push(word);
      }
      return { value: chosen };
    },
  };
}

/** Any number of texts without blanks and commas; nothing by default. @param takes what each of them is */
export function texts(name: string, takes: string, help: string): OptionSpec<readonly string[]> {
  return {
    name,
    fallback: [],
    written: '',
    takes,
    help,
    secret: false,
    parse: (value) => ({ value: listItems(value).map((item) => item.text) }),
  };
}

/** The items of a list separated by commas, blanks or newlines, and where each begins. */
export function listItems(text: string): readonly { readonly text: string; readonly offset: number }[] {
  return Array.from(text.matchAll(/[^\s,]+/g), (match) => ({ text: match[0], offset: match.index }));
}
