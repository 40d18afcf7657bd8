import { execFile } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableLines } from '#protocol/printable.ts';
import { EngineWorld, LAUNCHER } from '#test/world/engine-world.ts';
import { formatFields } from './logger.ts';

describe('a line of the log', () => {
  it('has its fields as key=value, quoted where a reader could be mistaken', () => {
    const fields = {
      uuid: 'a-1',
      n: 4,
      path: '/run/x',
      reason: 'no "way" out',
      none: null,
      absent: undefined,
      empty: '',
    };
    expect(formatFields(fields)).toBe(' uuid=a-1 n=4 path=/run/x reason="no \\"way\\" out" empty=""');
  });

  it('stays one line without control characters for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const shown of [formatFields({ text }), printable(text)])
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(printableLines(text).split('\n')).toHaveLength(text.split('\n').length);
      }),
    );
  });

  it('has the level in the way of systemd when its journal reads stderr, and the time when something else does', async () => {
    await using here = await EngineWorld.start();
    const run = (stream: string): Promise<string> =>
      new Promise((resolve) => {
        const script = `JOURNAL_STREAM=${stream} exec "$0" engine --config "$1" --journal /nowhere/journal.db`;
        execFile('sh', ['-c', script, LAUNCHER, here.configFile], { timeout: 20_000 }, (_, __, stderr) =>
          resolve(stderr),
        );
      });
    expect(await run('"$(stat -Lc %d:%i /proc/self/fd/2)"')).toMatch(/^<6>journal is being opened node=controller-1 /);
    expect(await run('8:12345')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {4}journal is being opened /);
  });
});
