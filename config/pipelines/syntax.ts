/**
 * The two spellings of task lists: `pre:['a','b'],main:['c'],post:['d']` and `{'pre': ['a'], 'main': [], 'post': []}`.
 *
 * Phases in any order, a missing one is empty; words with or without quotes; a comma may follow the last item, and may be
 * missing between two lists, but not between two tasks.
 */

import { didYouMean } from '../document/nearest.ts';
import { errorAt, formatPosition, type Position, type Problem } from '../document/problem.ts';
import type { Value } from '../document/value.ts';

export const PHASES = ['pre', 'main', 'post'] as const;
export type Phase = (typeof PHASES)[number];

export interface NamedTask {
  readonly name: string;
  readonly at: Position;
}

export interface ParsedLists {
  readonly lists: Readonly<Record<Phase, readonly NamedTask[]>>;
  readonly problems: readonly Problem[];
}

export function parseLists(value: Value): ParsedLists {
  return new ListReader(value).read();
}

const WORD = /[A-Za-z0-9_.-]+/y;

/** Where reading a value ends for good. */
class SyntaxFault extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Word {
  readonly text: string;
  readonly offset: number;
}

class ListReader {
  readonly #value: Value;
  readonly #text: string;
  readonly #problems: Problem[] = [];
  readonly #lists: Record<Phase, readonly NamedTask[]> = { pre: [], main: [], post: [] };
  readonly #seen = new Map<Phase, Position>();
  #offset = 0;

  constructor(value: Value) {
    this.#value = value;
    this.#text = value.text;
  }

  read(): ParsedLists {
    try {
      this.#readAll();
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault;
      this.#report(fault.offset, fault.message);
    }
    return { lists: this.#lists, problems: this.#problems };
  }

  #readAll(): void {
    const braces = this.#accept('{');
    if (this.#peek() === (braces ? '}' : '')) {
      throw new SyntaxFault(0, 'no list of tasks; where nothing is to be done, write main:[]');
    }
    do this.#readPhase();
    while (!this.#atEnd(braces));
    if (braces) this.#expect('}', 'after the last list');
    if (this.#peek() !== '') throw this.#unexpected('after the end of the lists');
  }

  #atEnd(braces: boolean): boolean {
    this.#accept(',');
    return this.#peek() === '' || (braces && this.#peek() === '}');
  }

  #readPhase(): void {
    const word = this.#readWord('a phase: pre, main or post');
    const phase = PHASES.find((candidate) => candidate === word.text);
    const earlier = phase === undefined ? undefined : this.#seen.get(phase);
    if (phase === undefined) {
      const meant = didYouMean(word.text, PHASES) || '; the phases are pre, main and post';
      this.#report(word.offset, `unknown phase "${word.text}"${meant}`);
    } else if (earlier !== undefined) {
      this.#report(word.offset, `phase "${phase}" is already given at ${formatPosition(earlier)}`);
    }
    this.#expect(':', `after "${word.text}"`);
    this.#expect('[', `to begin the list of "${word.text}"`);
    const tasks = this.#readTasks();
    if (phase === undefined || earlier !== undefined) return;
    this.#seen.set(phase, this.#value.place(word.offset));
    this.#lists[phase] = tasks;
  }

  #readTasks(): NamedTask[] {
    const tasks: NamedTask[] = [];
    while (!this.#accept(']')) {
      const word = this.#readWord('the name of a task');
      tasks.push({ name: word.text, at: this.#value.place(word.offset) });
      if (!this.#accept(',') && this.#peek() !== ']') {
        throw this.#unexpected(`after "${word.text}"; tasks are separated by commas and the list ends with "]"`);
      }
    }
    return tasks;
  }

  #readWord(expected: string): Word {
    const quote = this.#peek();
    if (quote === "'" || quote === '"') return this.#readQuoted(quote);
    const offset = this.#offset;
    WORD.lastIndex = offset;
    const match = WORD.exec(this.#text);
    if (match === null) throw this.#unexpected(`instead of ${expected}`);
    this.#offset = WORD.lastIndex;
    return { text: match[0], offset };
  }

  #readQuoted(quote: string): Word {
    const begin = this.#offset;
    const end = this.#text.indexOf(quote, begin + 1);
    const text = this.#text.slice(begin + 1, Math.max(end, begin + 1));
    // A quote at the end may also begin the next word.
    if (end < 0 || /[\n[\]{}:,]/.test(text)) throw new SyntaxFault(begin, `no ${quote} ends the word that begins here`);
    WORD.lastIndex = 0;
    if (WORD.exec(text)?.[0] !== text) {
      throw new SyntaxFault(begin, 'a name consists of letters, digits and the characters _ . -');
    }
    this.#offset = end + 1;
    return { text, offset: begin };
  }

  /** The next character that is no blank; nothing at the end. */
  #peek(): string {
    while (/\s/.test(this.#text[this.#offset] ?? '')) this.#offset++;
    return this.#text[this.#offset] ?? '';
  }

  #accept(character: string): boolean {
    const found = this.#peek() === character;
    if (found) this.#offset++;
    return found;
  }

  #expect(character: string, where: string): void {
    if (!this.#accept(character)) throw this.#unexpected(`where "${character}" is expected ${where}`);
  }

  #unexpected(where: string): SyntaxFault {
    const character = this.#peek();
    return new SyntaxFault(
      this.#offset,
      `${character === '' ? 'the value ends' : `unexpected ${JSON.stringify(character)}`} ${where}`,
    );
  }

  #report(offset: number, message: string): void {
    this.#problems.push(errorAt(this.#value.place(offset), message));
  }
}
