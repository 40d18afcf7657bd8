/** Files are replaced by one function (protocol/replaced-file.ts): nothing else of the program writes beside a file and renames. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['agents', 'config', 'engine', 'monitors', 'ocf', 'openstack', 'protocol'];
/** Creates a file, or truncates one that another user may have created. */
const WRITES =
  /\b(?:writeFile(?:Sync)?|createWriteStream|copyFile(?:Sync)?|appendFile(?:Sync)?)\(|\bopen(?:Sync)?\([^)]*'w[^x']*'/;

/** Why each other file may write. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'protocol/replaced-file.ts': 'it is the function',
  'agents/core-dumps.ts': 'a file of /proc',
  'agents/demo/main.ts': 'exclusively (wx), in a new directory of mode 0700',
  'engine/task-drivers/module/process.ts': 'a file of /proc',
};

it('no part of the program writes files in another way, except those named here', () => {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(folder, name)),
  ).filter((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .some((line) => WRITES.test(line) && !/file\.writeFile\(/.test(line)),
  );
  expect(found.toSorted()).toEqual(Object.keys(EXCEPTIONS).toSorted());
});
