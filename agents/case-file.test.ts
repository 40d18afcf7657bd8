import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecoveryWorld } from '#test/world/recovery-world.ts';
import { readCase } from './case-file.ts';
import { EXIT } from './exit-codes.ts';
import { caseOf } from './history.ts';

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-case-'));
const file = join(directory, 'case.json');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let exported: ReturnType<typeof caseOf>;
beforeAll(async () => {
  await using here = new RecoveryWorld();
  for (const host of ['c1', 'c2']) here.world.addHost(host);
  await here.start();
  exported = caseOf(await here.until(await here.hostFails('c1')));
});

function written(content: unknown): string {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** The case with other facts of its gate decision. */
function withFacts(change: Readonly<Record<string, unknown>>): unknown {
  const history = exported.history.map((one) =>
    one.entry === 'decision' && one.kind === 'gate' ? { ...one, facts: { ...one.facts, ...change } } : one,
  );
  return { ...exported, history };
}

describe('an exported case', () => {
  it('gives its gate decisions', () => {
    expect(readCase(written(exported))).toMatchObject([{ outcome: 'pass', gate: null, facts: { host: 'c1' } }]);
  });

  it('of a later version, with fields that this one does not know, is read', () => {
    expect(readCase(written({ ...(withFacts({ later: 1 }) as object), later: [] }))).toHaveLength(1);
  });

  it.each([
    ['no JSON', () => '{', 'it is not JSON'],
    ['another file', () => ({ history: [] }), 'format is missing'],
    ['a list', () => [], 'format is missing'],
    ['another version of the format', () => ({ ...exported, format_version: 2 }), 'format_version is not 1'],
    [
      'too many entries',
      () => ({ ...exported, history: Array(1_001).fill(exported.history[0]) }),
      'history has more than',
    ],
    [
      'a fact of another type',
      () => withFacts({ has_started: 'no' }),
      'history.2.facts.has_started must be true or false',
    ],
    [
      'a fact that is missing',
      () => withFacts({ waiting_instances: undefined }),
      'history.2.facts.waiting_instances is missing',
    ],
    ['a number below 0', () => withFacts({ engine_age_ms: -1 }), 'history.2.facts.engine_age_ms must be at least 0'],
    ['a file that is too large', () => ' '.repeat(9 * 1024 * 1024), 'it is larger than 8 MiB'],
  ])('is refused with its path and field: %s', (_, content, reason) => {
    const path = written(content());
    expect(() => readCase(path)).toThrow(
      expect.objectContaining({
        exitCode: EXIT.usage,
        message: expect.stringContaining(`the case ${path} is refused: ${reason}`),
      }),
    );
  });

  it('that is absent is named with the reason', () => {
    expect(() => readCase(join(directory, 'absent.json'))).toThrow(/absent\.json cannot be read: ENOENT/);
  });
});
