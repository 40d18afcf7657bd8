import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InvalidMatrix, parseMatrix, readMatrixFile } from './matrix-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'matrix-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SEQUENCE = 'sequence: [manage, tenant, storage]\nmatrix:\n';

test('a file of Masakari is used unchanged, and every recovery in it needs a proof', () => {
  const path = join(directory, 'matrix.yaml');
  writeFileSync(
    path,
    `---\n${SEQUENCE}  - health: ["up", "up", "up"]\n    action: []\n  - health: ["up", "up", "down"]\n    action: ["recovery"]\n`,
  );
  expect(readMatrixFile(path)).toEqual({
    name: 'matrix',
    networks: ['management', 'tenant', 'storage'],
    rows: [
      { health: ['up', 'up', 'up'], action: 'none', proof: 'needed' },
      { health: ['up', 'up', 'down'], action: 'recovery', proof: 'needed' },
    ],
  });
});

test('only the row with proof: none needs no proof', () => {
  const text = `sequence: [storage]\nmatrix:\n- {health: [down], action: [recovery], proof: none}\n- {health: [up], action: []}`;
  expect(parseMatrix(text, 'm')).toMatchObject({ rows: [{ proof: 'none' }, { proof: 'needed' }] });
});

describe('refused, with the line', () => {
  test.each([
    ['', 'm:1: the matrix is a mapping with "sequence" and "matrix"'],
    ['a: [', 'm:1: '],
    ['sequence: [manage, tenant]', 'm:1: "matrix" is a list of rows'],
    ['sequence: [manage, manage]\nmatrix: [{health: [up, up], action: []}]', 'm:1: "sequence" names each network once'],
    ['sequence: [lan]\nmatrix: []', 'm:1: "sequence" takes manage, management, tenant, storage'],
    [`${SEQUENCE}- health: [up, up]\n  action: []`, 'm:3: "health" needs 3 words'],
    [`${SEQUENCE}- health: [up, up, off]\n  action: []`, 'm:3: "health" takes up, down'],
    [`${SEQUENCE}- health: [up, up, down]\n  action: [shoot]`, 'm:4: "action" takes recovery'],
    [`${SEQUENCE}- health: [up, up, up]\n  action: [recovery]`, 'm:3: a host that is up everywhere'],
    [`${SEQUENCE}- health: [up, up, down]\n  action: []\n  proof: no`, 'm:3: "proof" is needed or none'],
    [`${SEQUENCE}- health: [up, up, down]\n  action: []\n  prof: none`, 'm:5: unknown "prof"'],
    [`${SEQUENCE}- {health: [up, up, up], action: []}\n- {health: [up, up, up], action: []}`, 'm:4: the health'],
    [`${SEQUENCE}- health: [up, up, down]`, '"action" is a list'],
  ])('%j', (text, message) => {
    expect(() => parseMatrix(text, 'm')).toThrow(InvalidMatrix);
    expect(() => parseMatrix(text, 'm')).toThrow(message);
  });

  test('a file that does not exist', () => {
    expect(() => readMatrixFile(join(directory, 'none'))).toThrow(
      'there is no such file; see [host] matrix_config_file',
    );
  });
});
