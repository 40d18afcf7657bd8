/**
 * A command in a file as an argument vector, without a shell.
 *
 * Invariant: what a shell would have understood as more than words is refused and never silently passed on as text.
 * masakari-monitors splits at blanks only: `a | b` runs `a` with the arguments `|` and `b`, which no operator intends.
 */

/** One command, ready for `spawn`: never given to a shell. */
export interface Command {
  readonly argv: readonly [program: string, ...rest: string[]];
  /** As it was written. */
  readonly text: string;
}

export type Split = { readonly command: Command } | { readonly fault: string };

/** More is a mistake; the limit of the kernel for one argument is 128 KiB (execve(2)). */
const MAX_COMMAND_LENGTH = 4096;
const SHELL_SYNTAX = /[|&;<>()`$*?[\]#~{}!]/;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** Quotes as in sh(1): nothing is special within '…'; within "…" a backslash keeps its meaning before " \ $ and `. */
export function splitCommand(text: string): Split {
  if (text.length > MAX_COMMAND_LENGTH) return { fault: `is longer than ${MAX_COMMAND_LENGTH} characters` };
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    const next = text[index + 1];
    if (/[\0\r\n]/.test(character)) return { fault: 'holds a line break; one command is allowed' };
    if (quote === "'") {
      if (character === quote) quote = undefined;
      else word = (word ?? '') + character;
    } else if (quote === '"') {
      if (character === quote) quote = undefined;
      else if (character === '\\' && next !== undefined && '"\\$`'.includes(next)) {
        word = (word ?? '') + next;
        index += 1;
      } else if (character === '$' || character === '`') return refused(character);
      else word = (word ?? '') + character;
    } else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === '\\') {
      if (next === undefined) return { fault: 'ends with a backslash' };
      word = (word ?? '') + next;
      index += 1;
    } else if (isShellSyntax(character, word)) return refused(character);
    else word = (word ?? '') + character;
  }
  if (quote !== undefined) return { fault: `has a quote (${quote}) that does not end` };
  if (word !== undefined) words.push(word);
  const [program, ...rest] = words;
  if (program === undefined || program === '') return { fault: 'names no program' };
  if (ASSIGNMENT.test(program)) {
    return { fault: `begins with a variable (${program.split('=')[0]}=); write "env" before it` };
  }
  return { command: { argv: [program, ...rest], text } };
}

/** A tilde and a number sign mean something to a shell at the beginning of a word only. */
function isShellSyntax(character: string, word: string | undefined): boolean {
  if (character === '#' || character === '~') return word === undefined;
  return SHELL_SYNTAX.test(character);
}

function refused(character: string): { readonly fault: string } {
  const way = 'quote it if it is meant as text, or put the command into a script and name that';
  return { fault: `has "${character}", which only a shell understands; no shell is used: ${way}` };
}
