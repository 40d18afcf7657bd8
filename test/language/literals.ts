/** Texts of peers that programs and tests repeat word for word; they keep the words of their authors. */
import type { Prose } from './words.ts';

/** By file: the text, and whose it is. */
const LITERALS: Readonly<Record<string, readonly (readonly [text: string, author: string])[]>> = {
  'test/labs/packages/sandbox.test.ts': [['nobody', 'Debian: the name of a user']],
};

/** The prose without the texts of peers. */
export function withoutLiterals(path: string, prose: readonly Prose[]): Prose[] {
  const literals = LITERALS[path] ?? [];
  return prose.map(({ line, text }) => ({
    line,
    text: literals.reduce((rest, [literal]) => rest.replaceAll(literal, ''), text),
  }));
}
