/** The search for credentials: what it starts from, and its error. */

/** Names the file or variable, what is wrong with it, and what is allowed. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/**
 * A file's text, its permission bits, and why it is not trusted, if it is not; undefined where there is no such file.
 * Throws where it cannot be read.
 */
export type ReadFile = (
  path: string,
) => { readonly text: string; readonly mode: number; readonly distrust?: string | undefined } | undefined;

export interface CredentialsSearch {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name of a cloud in clouds.yaml; goes before `OS_CLOUD`. */
  readonly cloud?: string;
  /** A clouds.yaml to read instead of searching for one. */
  readonly file?: string;
  /** The region to use; without one the first of the cloud. */
  readonly region?: string;
  /** Home directory, for ~/.config/openstack and for `~` in paths; undefined: the user has none. */
  readonly home: string | undefined;
  /** The directory of ./clouds.yaml and of relative paths. */
  readonly directory: string;
  readonly readFile?: ReadFile;
}
