/** An INI file after it was read: sections of options, each with its position. */

import type { Position, Problem } from './problem.ts';
import type { Value } from './value.ts';

export interface DocumentOption {
  readonly name: string;
  /** Position of the name. */
  readonly at: Position;
  readonly value: Value;
  /** Read by the rules of oslo.config, because of the name of the file or of its sections; references are not yet replaced. */
  readonly oslo?: 'named' | 'guessed';
  /** Position of another value, if it is not known which of the two has effect. */
  readonly otherwise?: Position;
}

export interface DocumentSection {
  readonly name: string;
  readonly at: Position;
  /** By name. */
  readonly options: ReadonlyMap<string, DocumentOption>;
  /** Names of options whose values could not be read and are therefore unknown. */
  readonly unread: ReadonlySet<string>;
  /** Problems of its lines that count only if a task uses the section. */
  readonly problems?: readonly Problem[];
  /** In a file of Masakari, and known to neither Masakari nor this program: a section of a task, or of no effect. */
  readonly isForeign?: true;
}

export interface Document {
  readonly file: string;
  readonly sections: readonly DocumentSection[];
  readonly problems: readonly Problem[];
}
