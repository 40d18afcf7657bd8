/**
 * An INI file as sections of options, each with its position; names are not interpreted yet.
 *
 * Invalid text is a problem, and reading continues. Our own lines: see own-lines.ts. In a file of Masakari, the parts that Masakari
 * reads follow the rules of oslo.config: see the folder oslo/.
 */

import { unsafe } from 'ini';
import { type Opening, partnerOf } from './continuation.ts';
import type { Dialect, Rules, SectionRules } from './oslo/dialect.ts';
import { OsloLines } from './oslo/lines.ts';
import { readOsloValue } from './oslo/value.ts';
import { blankProblem, isUnknownLine, OwnLines, type OwnOption } from './own-lines.ts';
import type { Document, DocumentOption, DocumentSection } from './parsed-document.ts';
import { errorAt, formatPosition, type Position, type Problem, warningAt } from './problem.ts';
import { linesOf } from './text.ts';
import { cutsByComment, enclosingQuote, type Piece, readValue, type Value } from './value.ts';

/** Whether an option is used: a fault in the value of an unused one is harmless. */
export type IsUsed = (section: string, option: string) => boolean;

/** Whose file it is, by its name and its lines; undefined: our own. `dialectOf` is the real one. */
export type FindDialect = (file: string, lines: readonly string[]) => Dialect | undefined;

export function parseDocument(
  file: string,
  bytes: Uint8Array,
  isUsed: IsUsed = () => true,
  findDialect: FindDialect = () => undefined,
): Document {
  const text = linesOf(file, bytes);
  if ('problem' in text) return { file, sections: [], problems: [text.problem] };
  const reader = new DocumentReader(file, isUsed, findDialect(file, text.lines));
  for (const [index, line] of text.lines.entries()) reader.take(line, index + 1);
  return reader.finish();
}

const SECTION = /^\[([^\]]*)\]\s*([#;].*)?$/;

interface Section extends DocumentSection {
  readonly options: Map<string, DocumentOption>;
  readonly unread: Set<string>;
  readonly problems?: Problem[];
}

class DocumentReader {
  readonly #file: string;
  readonly #isUsed: IsUsed;
  readonly #sections = new Map<string, Section>();
  readonly #problems: Problem[] = [];
  /** Takes the options of a place where no section is, so that they are read but lost. */
  #section: Section | undefined;
  #outsideReported = false;
  readonly #dialect: Dialect | undefined;
  #rules: Rules;
  readonly #own: OwnLines;
  readonly #oslo: OsloLines;

  constructor(file: string, isUsed: IsUsed, dialect: Dialect | undefined) {
    this.#file = file;
    this.#isUsed = isUsed;
    this.#dialect = dialect;
    this.#rules = dialect === undefined ? 'own' : 'oslo';
    const sink = {
      section: (text: string, at: Position) => this.#beginSection(text, at),
      begin: (at: Position) => this.#reportOutside(at),
      problem: (problem: Problem) => this.#report(problem),
    };
    this.#own = new OwnLines(file, { ...sink, option: (option) => this.#takeOwn(option) });
    this.#oslo = new OsloLines(file, { ...sink, option: (...parts) => this.#takeOslo(...parts) });
  }

  finish(): Document {
    this.#own.end();
    this.#oslo.end();
    return { file: this.#file, sections: [...this.#sections.values()], problems: this.#problems };
  }

  take(line: string, number: number): void {
    if (this.#rules === 'oslo') this.#oslo.take(line, number);
    else this.#own.take(line, number, this.#rules === 'lists' ? /[=:]/ : /=/);
  }

  #beginSection(text: string, at: Position): void {
    const name = this.#dialect === undefined ? ownSectionName(text) : osloSectionName(text);
    const found = this.#dialect?.sectionOf(name) ?? { name, rules: 'own', isForeign: false };
    this.#rules = found.rules;
    if (name === '') {
      this.#section = undefined;
      this.#report(errorAt(at, 'expected a section, written as [NAME] on a line of its own'));
      this.#section = newSection('', at, found);
      return;
    }
    const known = this.#sections.get(found.name);
    this.#section = known ?? newSection(found.name, at, found);
    // A section that is written again continues; an option that is given again is refused.
    if (known === undefined) this.#sections.set(found.name, this.#section);
  }

  /** A problem in a section that may be unused is kept with that section. */
  #report(...problems: readonly Problem[]): void {
    (this.#section?.problems ?? this.#problems).push(...problems);
  }

  #reportOutside(at: Position): void {
    if (this.#section !== undefined || this.#outsideReported) return;
    this.#outsideReported = true;
    this.#report(errorAt(at, 'an option before the first section; put [DEFAULT] above it'));
  }

  #takeOwn(option: OwnOption): void {
    const { name, at, pieces, open } = option;
    const value = readValue(this.#file, pieces);
    const cuts = this.#isUsed(this.#section?.name ?? '', name) ? cutProblems(this.#file, name, pieces) : [];
    this.#report(...cuts);
    // The closing sign may be behind the cut.
    if (open !== undefined && cuts.length === 0) this.#report(openProblem(this.#file, option, open));
    if (open !== undefined) this.#section?.unread.add(name);
    this.#warnOfQuotes(option, value);
    if (!this.#refuseSecond(name, at) && open === undefined) this.#section?.options.set(name, { name, at, value });
  }

  #warnOfQuotes({ name, pieces }: OwnOption, value: Value): void {
    if (enclosingQuote(pieces) !== undefined || !/^(["']).+\1$/s.test(value.text)) return;
    const message = `the quotes stay part of the value of "${name}" because a comment follows them`;
    this.#report(warningAt(value.place(0), message));
  }

  #refuseSecond(name: string, at: Position): boolean {
    const earlier = this.#section?.options.get(name);
    if (earlier === undefined) return false;
    this.#report(errorAt(at, `"${name}" is already set at ${formatPosition(earlier.at)}; remove one of the two`));
    return true;
  }

  #takeOslo(name: string, at: Position, pieces: readonly Piece[]): void {
    this.#reportOutside(at);
    const isUsed = this.#isUsed(this.#section?.name ?? '', name);
    const slip = pieces.slice(1).find(({ text }) => isUnknownLine(text));
    if (isUsed && slip !== undefined) {
      this.#report(blankProblem(name, { file: this.#file, line: slip.line, column: slip.column }));
    }
    // Each line may be one of several values, or the last one counts: where the option has no effect, both are right.
    if (isUsed && this.#refuseSecond(name, at)) return;
    const value = readOsloValue(this.#file, pieces);
    this.#section?.options.set(name, { name, at, value, oslo: this.#dialect?.isGuess ? 'guessed' : 'named' });
    if (isUsed && this.#dialect?.isGuess && readsDifferently(value, readValue(this.#file, pieces))) {
      const message = `"${name}" is read by Masakari's rules, because neither its name nor a section marks the file as one of recovery-agent`;
      this.#report(warningAt(value.place(0), message));
    }
  }
}

function openProblem(file: string, { name, pieces }: OwnOption, open: Opening): Problem {
  const twice = isHole(pieces, open) ? 2 : 1;
  const [closing, opening] = [partnerOf(open).repeat(twice), open.character.repeat(twice)];
  return errorAt({ file, line: open.line, column: open.column }, `"${name}": no ${closing} closes this ${opening}`);
}

/** Places where ini's rules end a value sooner than a reader expects. */
function cutProblems(file: string, name: string, pieces: readonly Piece[]): Problem[] {
  if (enclosingQuote(pieces) !== undefined) return [];
  return pieces.flatMap(({ text, line, column }) =>
    cutsByComment(text).map(({ index, where }) => {
      const sign = text[index];
      const message =
        where === 'in quotes'
          ? `"${sign}" begins a comment even between quotes and would cut "${name}" short; write \\${sign}`
          : `"${sign}" begins a comment and would cut "${name}" short; write \\${sign}, or a blank before it if it is a comment`;
      return errorAt({ file, line, column: column + index }, message);
    }),
  );
}

/** Whether what is open begins a template. */
function isHole(pieces: readonly Piece[], { line, column }: Opening): boolean {
  const piece = pieces.find((each) => each.line === line);
  return piece?.text.startsWith('{{', column - piece.column) ?? false;
}

function newSection(name: string, at: Position, { isForeign }: SectionRules): Section {
  const section = { name, at, options: new Map(), unread: new Set<string>() };
  return isForeign ? { ...section, isForeign, problems: [] } : section;
}

function ownSectionName(text: string): string {
  const name = SECTION.exec(text)?.[1];
  return name === undefined ? '' : String(unsafe(name));
}

/** Between the brackets at the ends of the line, as it is; nothing where there is none. */
function osloSectionName(text: string): string {
  return text.endsWith(']') ? text.slice(1, -1) : '';
}

/** Whether our own rules give another value. */
function readsDifferently(oslo: Value, own: Value): boolean {
  return oslo.text !== own.text || /\$\$|\\\$|\$\{?[a-z_]/i.test(oslo.text);
}
