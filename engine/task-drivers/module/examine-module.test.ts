/** What is found about a module by loading it, in a real process of its own. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examineModule } from './examine-module.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-examine-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

const RUN = 'export const run = () => ({});\n';

describe('loading a module', { timeout: 60_000 }, () => {
  it('returns the functions that it exports, and calls none', async () => {
    const mark = join(directory, 'mark');
    const module = put(
      'a.mts',
      `import { writeFileSync } from 'node:fs';
       export function run(): void { writeFileSync(${JSON.stringify(mark)}, ''); }
       export const undo = run;
       export const check = 'no function';\n`,
    );
    expect(await examineModule(module)).toEqual({ exports: ['run', 'undo'] });
    expect(existsSync(mark)).toBe(false);
  });

  it.each([
    ['a syntax error', 'a.mjs', `${RUN}const x = ;\n`, /a\.mjs cannot be loaded: line 2: Unexpected token ';'$/],
    ['an enum', 'a.ts', `${RUN}\nenum A { B }\n`, /a\.ts cannot be loaded: line 3: .*enum is not supported/],
    ['TypeScript that is none', 'a.ts', 'export const run = (a: string => 1;\n', /cannot be loaded: line 1: Expected/],
    ['an import of no file', 'a.mjs', `import { x } from './none.mjs';\n${RUN}`, /Cannot find module '.*none\.mjs'/],
    ['an import of no package', 'a.mjs', `import x from 'no-such-package';\n${RUN}`, /Cannot find package/],
    [
      'an import of what is not exported',
      'a.mjs',
      `${RUN}import { nope } from 'node:fs';\n`,
      /a\.mjs cannot be loaded: line 2: .*does not provide an export named 'nope'/,
    ],
    ['an error', 'a.mjs', `${RUN}\n\nthrow new Error('boom');\n`, /a\.mjs cannot be loaded: line 4: boom$/],
    ['an end of its own', 'a.mjs', `process.exit(0);\n${RUN}`, /a\.mjs cannot be loaded: it ended without a response/],
  ])('finds %s', async (_, name, text, fault) => {
    expect(await examineModule(put(name, text))).toEqual({ fault: expect.stringMatching(fault) });
  });

  it('names the file with the fault, in a folder with a blank too', async () => {
    mkdirSync(join(directory, 'a b'), { mode: 0o755 });
    const other = put('a b/other.mjs', 'export const a = 1;\nexport const b = (;\n');
    const module = put('a.mjs', `import { a } from './a b/other.mjs';\n${RUN}`);
    expect(await examineModule(module)).toEqual({ fault: expect.stringContaining(`loaded: ${other}, line 2: `) });
  });

  it('takes no file that others can write to, be it imported', async () => {
    const other = put('other.mjs', 'export const a = 1;\n');
    const module = put('a.mjs', `import { a } from './other.mjs';\n${RUN}`);
    expect(await examineModule(module)).toEqual({ exports: ['run'] });
    chmodSync(other, 0o666);
    expect(await examineModule(module)).toEqual({ fault: expect.stringContaining(`chmod go-w ${other}`) });
    chmodSync(module, 0o666);
    expect(await examineModule(module)).toEqual({ fault: expect.stringContaining(`chmod go-w ${module}`) });
  });

  it.each([
    ['waits for ever', `await new Promise((resolve) => setInterval(() => {}, 1000));\n${RUN}`],
    ['never yields', `for (;;) {}\n${RUN}`],
  ])('has an end when the module %s', async (_, text) => {
    expect(await examineModule(put('a.mjs', text), 1500)).toEqual({
      fault: expect.stringContaining('a.mjs was not loaded within 1.5 s'),
    });
  });
});
