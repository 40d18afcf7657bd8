/**
 * The options that a `$` in a file of Masakari can refer to: see engine-registry.ts and monitor-registry.ts.
 *
 * Source: the options that Masakari 14 (Debian 12) and 19 (Debian 13) register, and their monitors; test/labs/oslo compares.
 */

/** How oslo.config reads the text of the option; a secret is a text that must appear nowhere. */
export type Kind = 'text' | 'host' | 'secret' | 'whole' | 'flag';

export interface Registered {
  readonly kind: Kind;
  /** The text of the default; undefined where it depends on the machine. */
  readonly fallback: string | undefined;
}

/** By section, then by name. */
export type Registry = ReadonlyMap<string, ReadonlyMap<string, Registered>>;

type Row = readonly [kind: Kind, names: string] | readonly [kind: Kind, names: string, fallback: string | undefined];

/** The rows of a section; a row without a default has the empty text. */
export function section(...rows: readonly Row[]): ReadonlyMap<string, Registered> {
  return new Map(
    rows.flatMap((row) => {
      const [kind, names] = row;
      const fallback = row.length === 2 ? '' : row[2];
      return names.split(' ').map((name): [string, Registered] => [name, { kind, fallback }]);
    }),
  );
}
