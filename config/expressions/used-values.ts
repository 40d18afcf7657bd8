/** What the templates and the condition of a definition ask for and compare, each with its place in the file. */
import type { DocumentOption } from './document.ts';
import { type Comparison, ExpressionFault, type Value } from './expression.ts';
import type { Position } from './problem.ts';
import { allComparisons, allPaths } from './template.ts';

/** A value that a definition asks for, and where. */
export interface Reference {
  readonly steps: readonly string[];
  readonly at: Position;
}

/** A comparison in its condition or in one of its templates, and where. */
export interface PlacedComparison {
  readonly comparison: Comparison;
  readonly at: Position;
}

/** What is gathered while a section is read. */
export interface Asked {
  readonly references: Reference[];
  readonly comparisons: PlacedComparison[];
}

/** Takes what a value that was understood already asks for and compares. @param otherwise the place where it stands in no option */
export function collect(
  value: Value,
  option: DocumentOption | undefined,
  otherwise: Position,
  { references, comparisons }: Asked,
): void {
  const paths = allPaths(value);
  const written = typeof value === 'string' ? paths : pathsAsWritten(option?.value.text ?? '');
  for (const [index, { steps, at }] of paths.entries()) {
    // Within a structure an offset counts from the text in it; as written the same path stands at its true place.
    const same = written[index];
    const offset = typeof value === 'string' ? at : same?.steps.join('.') === steps.join('.') ? same.at : 0;
    references.push({ steps, at: option?.value.place(offset) ?? otherwise });
  }
  for (const comparison of allComparisons(value)) {
    const offset = typeof value === 'string' ? comparison.at : 0;
    comparisons.push({ comparison, at: option?.value.place(offset) ?? otherwise });
  }
}

/** The paths of a command or structure, read as one text; none where quotes and braces of its own make it another one. */
function pathsAsWritten(text: string): ReturnType<typeof allPaths> {
  try {
    return allPaths(text);
  } catch (error) {
    if (error instanceof ExpressionFault) return [];
    throw error;
  }
}
