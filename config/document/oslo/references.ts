/**
 * `$NAME`, `${NAME}`, `$SECTION.NAME` and `${SECTION.NAME}` in the values of a file of Masakari: replaced by the value of that
 * option, as oslo.config does when Masakari reads it. `$$` and `\$` stand for one `$`; a `$` before anything else stays.
 *
 * In a file of recovery-agent only Masakari's credentials are read so, since they are copied from masakari.conf; a reference
 * in them is refused.
 *
 * Invariant: a value that is given is the one Masakari would have used. One that cannot be known, because no such option exists
 * or its default depends on the machine or the release, is refused; Masakari refuses the first of these itself. A secret reaches
 * no option that is not secret, and no message.
 *
 * Source: oslo.config 9.0.0 and 9.7.1, cfg.ConfigOpts._substitute.
 */

import { OPTIONS } from '../../options/options.ts';
import type { DocumentOption, DocumentSection } from '../parsed-document.ts';
import { errorAt, formatPosition, type Problem } from '../problem.ts';
import type { Value } from '../value.ts';
import { ENGINE_OPTIONS } from './engine-registry.ts';
import { MONITOR_OPTIONS } from './monitor-registry.ts';
import { printed } from './printed.ts';
import type { Registry } from './registry.ts';

type Sections = ReadonlyMap<string, DocumentSection>;

/** The same sections with every reference replaced in options that have an effect here; one that cannot be is left out. */
export function withReferences(sections: Sections, problems: Problem[]): Sections {
  return new Map(Array.from(sections, ([name, section]) => [name, replacedIn(section, sections, problems)]));
}

function replacedIn(section: DocumentSection, sections: Sections, problems: Problem[]): DocumentSection {
  let options: Map<string, DocumentOption> | undefined;
  const unread = new Set(section.unread);
  for (const { section: of, spec } of OPTIONS) {
    const option = of === section.name ? section.options.get(spec.name) : undefined;
    if (option === undefined || !option.value.text.includes('$') || !readsDollars(section.name, option)) continue;
    options ??= new Map(section.options);
    const replaced = new Replacement(sections, section.name, option, spec.secret).replaced();
    if ('fault' in replaced) {
      options.delete(spec.name);
      unread.add(spec.name);
      problems.push(errorAt(option.value.place(replaced.offset), `"${spec.name}": ${replaced.fault}`));
    } else options.set(spec.name, { ...option, value: replaced });
  }
  return options === undefined ? section : { ...section, options, unread };
}

function readsDollars(section: string, { name, oslo }: DocumentOption): boolean {
  return oslo !== undefined || (section === 'DEFAULT' && name.startsWith('os_'));
}

/** In a value that cannot be known. */
class Unknowable extends Error {
  /** Of the `$`. */
  readonly offset: number;
  readonly why: string;
  constructor(offset: number, why: string) {
    super(why);
    this.offset = offset;
    this.why = why;
  }
}

type Found = { readonly text: string } | { readonly why: string };

/** A name as Python matches it without regard to case: beside the letters, those that are lower or upper case of one of them. */
const NAME = '[_a-zA-Z\\u0130\\u0131\\u017f\\u212a][._a-zA-Z0-9\\u0130\\u0131\\u017f\\u212a]*';
const REFERENCE = new RegExp(`\\$(?:(\\$)|(${NAME})|\\{(${NAME})\\})`, 'g');

const NO_OPTION = 'refers to no option of Masakari with a known value';
/** Characters; a value of this size is a mistake, and a few options that refer to each other could fill the memory. */
const MAX_LENGTH = 65_536;
const UNKNOWN_VALUE = 'has a value that is not known here';

class Replacement {
  readonly #sections: Sections;
  readonly #registry: Registry;
  readonly #section: string;
  readonly #option: DocumentOption;
  readonly #isSecret: boolean;
  /** The options whose values are being made, `SECTION.NAME`: none of them can be a part of itself. */
  readonly #open: string[];
  readonly #known = new Map<string, Found>();

  constructor(sections: Sections, section: string, option: DocumentOption, isSecret: boolean) {
    this.#sections = sections;
    this.#registry = ENGINE_OPTIONS.get(section)?.has(option.name) ? ENGINE_OPTIONS : MONITOR_OPTIONS;
    this.#section = section;
    this.#option = option;
    this.#isSecret = isSecret;
    this.#open = [`${section}.${option.name}`];
  }

  replaced(): Value | { readonly fault: string; readonly offset: number } {
    const { value } = this.#option;
    const origins: number[] = [];
    try {
      const text = this.#replace(value.text, this.#section, origins);
      return { text, place: (offset) => value.place(origins[offset] ?? value.text.length) };
    } catch (error) {
      if (!(error instanceof Unknowable)) throw error;
      const { offset, why } = error;
      // What follows the $ of a password is a part of it.
      const rest = this.#isSecret ? '' : referenceAt(value.text, offset);
      return {
        fault: `${rest === '' ? 'what follows this $' : rest} ${why}; write $$ for a $, or the value itself`,
        offset,
      };
    }
  }

  /** @param origins takes for each character of the result the offset in the text that it comes from */
  #replace(written: string, section: string, origins: number[] = []): string {
    const text = written.replaceAll('\\$', '$$$$');
    let result = '';
    let done = 0;
    const keep = (end: number) => {
      for (let offset = done; offset < end; offset++) origins.push(offset);
      result += text.slice(done, end);
    };
    for (const match of text.matchAll(REFERENCE)) {
      const [whole, escaped, plain, braced] = match;
      keep(match.index);
      const found = escaped === undefined ? this.#find(plain ?? braced ?? '', section) : { text: escaped };
      if ('why' in found) throw new Unknowable(match.index, found.why);
      for (let index = 0; index < found.text.length; index++) origins.push(match.index);
      result += found.text;
      if (result.length > MAX_LENGTH)
        throw new Unknowable(match.index, `makes the value longer than ${MAX_LENGTH} characters`);
      done = match.index + whole.length;
    }
    keep(text.length);
    return result;
  }

  #find(reference: string, within: string): Found {
    if (this.#option.oslo === undefined) return { why: 'refers to an option, which only a file of Masakari may' };
    const dot = reference.indexOf('.');
    const section = dot < 0 ? within : reference.slice(0, dot);
    const name = reference.slice(dot + 1);
    if (dot >= 0 && section === 'DEFAULT')
      return { why: `${NO_OPTION}: one of [DEFAULT] is written without its section` };
    if (this.#registry.get(section)?.has(name)) return this.#valueOf(section, name);
    return dot < 0 ? this.#valueOf('DEFAULT', name) : { why: NO_OPTION };
  }

  #valueOf(section: string, name: string): Found {
    const registered = this.#registry.get(section)?.get(name);
    const path = `${section}.${name}`;
    if (registered === undefined) return { why: NO_OPTION };
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    if (this.#open.includes(path)) return { why: 'refers to itself' };
    if (registered.kind === 'secret' && !this.#isSecret) return { why: 'is a secret' };
    const written = this.#sections.get(section)?.options.get(name);
    if (written?.otherwise) {
      return {
        why: `has different values at ${formatPosition(written.otherwise)} and ${formatPosition(written.at)}`,
      };
    }
    const text = written?.value.text ?? registered.fallback;
    if (text === undefined) return { why: 'has a default that depends on the machine' };
    if (text === '' && written === undefined) return { text };
    this.#open.push(path);
    try {
      const isOslo = written === undefined || readsDollars(section, written);
      const value = printed(isOslo ? this.#replace(text, section) : text, registered.kind);
      if (value === undefined) return { why: UNKNOWN_VALUE };
      this.#known.set(path, { text: value });
      return { text: value };
    } catch (error) {
      if (error instanceof Unknowable) return { why: error.why === 'refers to itself' ? error.why : UNKNOWN_VALUE };
      throw error;
    } finally {
      this.#open.pop();
    }
  }
}

/** The reference that begins at an offset, as it is written. */
function referenceAt(text: string, offset: number): string {
  return [...text.matchAll(REFERENCE)].find(({ index }) => index === offset)?.[0] ?? '';
}
