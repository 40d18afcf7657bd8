/** Files and variables, read by the real openstacksdk of Debian 12 and by us. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatedScenes } from './generated.ts';
import { installPackages } from './install.ts';
import { type Reading, readByLibrary, readByUs } from './reading.ts';
import { type Placed, place, type Scene } from './scene.ts';
import { SCENES } from './scenes.ts';

type Result = 'same' | 'both refuse' | 'refused by us' | 'read by us alone' | 'DIFFERENT';

let root: string;
beforeAll(async () => {
  await installPackages();
  root = mkdtempSync(join(tmpdir(), 'openstacksdk-lab-'));
});
afterAll(() => rmSync(root, { recursive: true }));

function result(library: Reading, us: Reading): Result {
  if (us.error !== undefined) return library.error === undefined ? 'refused by us' : 'both refuse';
  if (library.error !== undefined) return 'read by us alone';
  return isDeepStrictEqual(library.read, us.read) ? 'same' : 'DIFFERENT';
}

async function compared(scenes: readonly Scene[], folder: string) {
  const placed: Placed[] = scenes.map((scene, index) => place(scene, join(root, folder, `${index}`)));
  const readings = await readByLibrary(placed);
  return scenes.map((scene, index) => {
    const [one, library] = [placed[index], readings[index]];
    if (one === undefined || library === undefined) throw new Error(`${scene.name}: no reading`);
    const us = readByUs(one);
    return { scene, root: one.root, library, us, result: result(library, us) };
  });
}

type Compared = Awaited<ReturnType<typeof compared>>[number];

function row({ scene, root: folder, library, us, result: found }: Compared): string {
  const why = (found === 'read by us alone' ? library.error : us.error)?.replaceAll(folder, '').replaceAll('\n', ' ');
  return `| ${scene.name} | ${found} | ${why ?? ''} |`;
}

function tableOf(title: string, rows: readonly Compared[]): string {
  const counts = Map.groupBy(rows, (each) => each.result);
  const summary = [...counts].map(([name, each]) => `${each.length} ${name}`).join(', ');
  return [
    `${title}: ${rows.length} scenes, ${summary}`,
    '| scene | result | why |',
    '|---|---|---|',
    ...rows.map(row),
  ].join('\n');
}

/** A token or a secret implies the auth_type here, and a user without a domain is in `default`. */
const IMPLIED = /unexpected keyword argument '(?:token|application_credential_\w+)'|only unique within a domain/;

/** A key or a variable that the scene has, or what it lacks. */
function namesItsCause(message: string, { files, environment = {} }: Scene): boolean {
  const keys = JSON.stringify(files).match(/[\w-]+(?=:)/g) ?? [];
  const known = new Set([...keys, ...Object.keys(environment)]);
  for (const place of ['clouds', 'one', 'two', 'auth']) known.delete(place);
  return / is missing$/.test(message) || (message.match(/[\w-]+/g) ?? []).some((word) => known.has(word));
}

describe('openstacksdk', () => {
  test('reads scenes of every kind as we do, and what we do not support is refused by name', async () => {
    const rows = await compared(SCENES, 'kinds');
    console.log(tableOf('kinds', rows));
    const wrong = rows.flatMap(({ scene, root: folder, library, us, result: found }) => {
      const expected: readonly Result[] = scene.refused
        ? ['refused by us', 'both refuse']
        : scene.alone
          ? ['read by us alone']
          : ['same', 'both refuse'];
      const isRight = expected.includes(found) && (scene.refused?.test(us.error ?? '') ?? true);
      return isRight
        ? []
        : [{ name: scene.name, found, library, us: JSON.parse(JSON.stringify(us).replaceAll(folder, '')) }];
    });
    expect(wrong).toEqual([]);
    expect(rows.length).toBeGreaterThan(60);
  });

  test('reads generated scenes as we do, or we refuse a key or a variable by its name', async () => {
    const scenes = generatedScenes();
    const rows = await compared(scenes, 'generated');
    console.log(tableOf('generated', rows).split('\n')[0]);
    const wrong = rows.filter(({ scene, us, library, result: found }) => {
      if (found === 'refused by us') return !namesItsCause(us.error ?? '', scene);
      return found === 'DIFFERENT' || (found === 'read by us alone' && !IMPLIED.test(library.error ?? ''));
    });
    expect(wrong.map(({ scene, us, library, result: found }) => ({ found, scene, us, library }))).toEqual([]);
    expect(rows.filter(({ result: found }) => found === 'same').length).toBeGreaterThan(60);
  });
});
