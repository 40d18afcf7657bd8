/**
 * Makes the manual page from the tables of the commands and from `template.8`, the hand-written part of the page.
 *
 * The template is the page itself, except for its block of commands: there a heading is the name of a command or of an option alone, and
 * the text below it replaces the summary or the help. A command or an option without a text there appears with its summary or help, so
 * a new one needs no line of the template. Section `any` has the texts of options that mean the same in several commands.
 */
import type { Command, OptionHelp } from '#agents/command.ts';
import { COMMAND_SUMMARIES } from '#agents/command-table.ts';
import { COMMANDS } from '../completion/commands.ts';

const BLOCK = /^\.\\" BEGIN commands\n(.*)^\.\\" END commands\n/ms;
const ANY = 'any';

/** The texts of the template about one command. */
interface Texts {
  readonly prose: string;
  readonly items: ReadonlyMap<string, string>;
}

/** The parts of a text that a macro with one argument heads, and what precedes the first. */
function partsOf(text: string, macro: string): readonly [head: string, parts: ReadonlyMap<string, string>] {
  const [head = '', ...parts] = text.split(new RegExp(`^\\${macro} `, 'm'));
  const entries = parts.map((part): [string, string] => {
    const [name = ''] = part.split('\n', 1);
    return [name, part.slice(name.length + 1)];
  });
  return [head, new Map(entries)];
}

function textsOf(block: string): ReadonlyMap<string, Texts> {
  const [, sections] = partsOf(block, '.Ss');
  return new Map(
    Array.from(sections, ([name, section]) => {
      const [prose, items] = partsOf(section, '.It');
      return [name, { prose, items }];
    }),
  );
}

/** A sentence of the program as a line of mdoc. */
function lineOf(text: string): string {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('\n', ' ');
  const sentence = escaped.charAt(0).toUpperCase() + escaped.slice(1);
  return `${/^[.']/.test(sentence) ? '\\&' : ''}${sentence}.\n`;
}

function headingOf({ name, positionals }: Command): string {
  if (positionals === '') return name;
  return positionals.startsWith('[') ? `${name} Op Ar ${positionals.slice(1, -1)}` : `${name} Ar ${positionals}`;
}

function itemOf(name: string, { short, value, help }: OptionHelp, text: string | undefined): string {
  const argument = value === undefined ? '' : ` Ar ${value}`;
  const flags = short === undefined ? '' : `Fl ${short}${argument} , `;
  return `.It ${flags}Fl -${name}${argument}\n${text ?? lineOf(help)}`;
}

function sectionOf(command: Command, summary: string, texts: ReadonlyMap<string, Texts>): string {
  const own = texts.get(command.name);
  const items = Object.entries(command.options).map(([name, option]) =>
    itemOf(name, option, own?.items.get(name) ?? texts.get(ANY)?.items.get(name)),
  );
  const list = items.length === 0 ? '' : `.Bl -tag -width Ds\n${items.join('')}.El\n`;
  return `.Ss ${headingOf(command)}\n${own?.prose ?? lineOf(summary)}${list}`;
}

/** Names of the template that no command or option has: left over from one that was removed or renamed. */
export function strayTexts(template: string): readonly string[] {
  const commands: readonly Command[] = [...COMMANDS.values()];
  return Array.from(textsOf(BLOCK.exec(template)?.[1] ?? '')).flatMap(([name, { items }]) => {
    const meant = commands.filter((command) => name === ANY || command.name === name);
    const options = meant.flatMap((command) => Object.keys(command.options));
    const strays = [...items.keys()].filter((item) => !options.includes(item)).map((item) => `${name} ${item}`);
    return meant.length === 0 ? [name, ...strays] : strays;
  });
}

export function renderManual(template: string): string {
  const block = BLOCK.exec(template);
  if (block === null) throw new Error('the template of the manual has no block of commands');
  const texts = textsOf(block[1] ?? '');
  const sections = COMMAND_SUMMARIES.flatMap(([name, summary]) => {
    const command = COMMANDS.get(name);
    return command === undefined ? [] : [sectionOf(command, summary, texts)];
  });
  return template.replace(BLOCK, () => sections.join(''));
}
