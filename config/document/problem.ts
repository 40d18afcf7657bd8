/**
 * A problem of a configuration, and its position.
 *
 * Invariant: a message never holds the value of a secret option, nor a piece of a line that could not be understood.
 */

/** A place in a file; lines and columns count from 1, a column is one UTF-16 unit. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Position {
  readonly message: string;
  /** Only errors keep a configuration from being used. */
  readonly severity: 'error' | 'warning';
}

export function errorAt(at: Position, message: string): Problem {
  return { file: at.file, line: at.line, column: at.column, message, severity: 'error' };
}

export function warningAt(at: Position, message: string): Problem {
  return { file: at.file, line: at.line, column: at.column, message, severity: 'warning' };
}

/** `FILE:LINE:COLUMN`, as compilers and editors write it. */
export function formatPosition(at: Position): string {
  return `${at.file}:${at.line}:${at.column}`;
}

/** `FILE:LINE:COLUMN: message`, with `warning: ` before the message of a warning. */
export function formatProblem(problem: Problem): string {
  const mark = problem.severity === 'warning' ? 'warning: ' : '';
  return `${formatPosition(problem)}: ${mark}${problem.message}`;
}

/** Sorted by file, line and column. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}

/** Every problem found, errors and warnings, one a line in the message. At least one of them is an error. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = inOrder(problems);
    super(sorted.map(formatProblem).join('\n'));
    this.problems = sorted;
  }
}
