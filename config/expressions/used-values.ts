/** Values that the templates and the condition of a definition use and compare, each with its position in the file. */
import type { DocumentOption } from '../document/parsed-document.ts';
import type { Position } from '../document/problem.ts';
import { type Comparison, ExpressionFault, type Value } from './expression.ts';
import { allComparisons, allPaths } from './template.ts';

/** A value that a definition uses, and its position. */
export interface Reference {
  readonly steps: readonly string[];
  readonly at: Position;
}

/** A comparison in its condition or in one of its templates, and its position. */
export interface PlacedComparison {
  readonly comparison: Comparison;
  readonly at: Position;
}

/** Findings collected while a section is read. */
export interface UsedValues {
  readonly references: Reference[];
  readonly comparisons: PlacedComparison[];
}

/** Collects the references and comparisons of a parsed value. @param otherwise the position if the value is in no option */
export function collect(
  value: Value,
  option: DocumentOption | undefined,
  otherwise: Position,
  { references, comparisons }: UsedValues,
): void {
  const paths = allPaths(value);
  const written = typeof value === 'string' ? paths : pathsAsWritten(option?.value.text ?? '');
  for (const [index, { steps, at }] of paths.entries()) {
    // In a structure the offset counts from the text in it. If the same path is found in the raw text, its position is exact.
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
