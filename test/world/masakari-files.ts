/** Files of an operator in memory, loaded as the configuration: the first of them is the main file. */

import type { Configuration } from '#config/configuration.ts';
import { ConfigurationError, formatProblem } from '#config/document/problem.ts';
import { loadConfiguration, type Sources } from '#config/load.ts';

export const MASAKARI = '/etc/masakari/masakari.conf';

export function load(files: Record<string, string>, names: Partial<Sources> = {}): Configuration {
  const paths = Object.keys(files);
  return loadConfiguration({
    mainFile: paths[0],
    readFile: (path) => {
      const text = files[path];
      return text === undefined ? undefined : { bytes: Buffer.from(text), mode: 0o640 };
    },
    listFolder: (folder) =>
      paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)),
    ...names,
  });
}

/** The warnings, or all problems where there is an error. */
export function problemsOf(files: Record<string, string>, names: Partial<Sources> = {}): string[] {
  try {
    return load(files, names).warnings.map(formatProblem);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(formatProblem);
  }
}

const COMPLETE = 'os_privileged_user_name=u\nos_privileged_user_tenant=t\nos_privileged_user_auth_url=http://k\n';

/** Credentials whose password, the fifth line, is what follows its name. */
export function withPassword(path: string, rest: string): Record<string, string> {
  return { [path]: `[DEFAULT]\n${COMPLETE}os_privileged_user_password${rest}\n` };
}
