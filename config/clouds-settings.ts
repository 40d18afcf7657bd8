/** What both sources of credentials, files and variables, have in common: the search, its result, its error. */

/** Names the file or variable, what is wrong with it, and what is allowed. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/** A file's text and permission bits; undefined where there is no such file. Throws where it cannot be read. */
export type ReadFile = (path: string) => { readonly text: string; readonly mode: number } | undefined;

export interface CredentialsSearch {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of a cloud in clouds.yaml; goes before `OS_CLOUD`. */
  readonly cloud?: string;
  /** A clouds.yaml to read instead of searching for one. */
  readonly file?: string;
  /** Home directory, for ~/.config/openstack and for `~` in paths. */
  readonly home: string;
  /** The directory of ./clouds.yaml and of relative paths. */
  readonly directory: string;
  readonly readFile?: ReadFile;
}

/** Settings by their clouds.yaml names, wherever they came from. */
export interface Settings {
  readonly source: string;
  /** Undefined where unset or empty. */
  get(name: string): string | undefined;
  /** How the operator knows a setting: a variable or a key of a file. */
  called(name: string): string;
}
