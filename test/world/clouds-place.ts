/** A directory of its own for each test of clouds.yaml and its like, with a home and a working directory in it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type Credentials, type CredentialsSearch, loadCredentials } from '#config/clouds/clouds.ts';

export interface CloudsPlace {
  /** Of the test that runs. */
  readonly root: string;
  /** Writes a file below the root and returns its path. */
  write(name: string, text: string, mode?: number): string;
  /** Reads the credentials with nothing in the environment unless it is given. */
  load(search?: Partial<CredentialsSearch>): Credentials;
}

/** To be called where the tests are declared: each test has a new directory. */
export function cloudsPlace(): CloudsPlace {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'clouds-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  return {
    get root() {
      return root;
    },
    write(name, text, mode = 0o600) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
    load(search = {}) {
      return loadCredentials({ environment: {}, home: join(root, 'home'), directory: join(root, 'here'), ...search });
    },
  };
}
