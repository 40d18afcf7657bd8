/** The identity of this program. The build of the executable fills in the commit and the version of SQLite. */
import packageJson from '../package.json' with { type: 'json' };

declare const BUILT_FROM: { readonly commit: string; readonly sqlite: string } | undefined;

export const VERSION: string = packageJson.version;

const built = typeof BUILT_FROM === 'undefined' ? undefined : BUILT_FROM;

/** One line: version, commit, Node and SQLite. */
export function describeVersion(): string {
  const parts = built
    ? [`commit ${built.commit}`, `Node ${process.version}`, `SQLite ${built.sqlite}`]
    : ['checkout', `Node ${process.version}`];
  return `recovery-agent ${VERSION} (${parts.join(', ')})`;
}
