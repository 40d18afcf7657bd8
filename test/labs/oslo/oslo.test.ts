/** Files of Masakari, read by the real Masakari with the real oslo.config of Debian 12 and 13, and by us. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Compared, compare, isExpected, tableOf } from './comparison.ts';
import { COUNT, generatedScenes, SEED } from './generated.ts';
import { installReleases, type Release } from './install.ts';
import { readByMasakari, readByUs } from './reading.ts';
import { place, type Scene } from './scene.ts';
import { SCENES } from './scenes.ts';
import { shippedScenes } from './shipped.ts';

let root: string;
let releases: readonly Release[];
beforeAll(async () => {
  releases = await installReleases();
  root = mkdtempSync(join(tmpdir(), 'oslo-lab-'));
});
afterAll(() => rmSync(root, { recursive: true }));

async function compared(release: Release, scenes: readonly Scene[]): Promise<Compared[]> {
  const folder = mkdtempSync(join(root, 'scenes-'));
  const placed = scenes.map((scene, index) => ({ scene, ...place(scene, join(folder, `${index}`)) }));
  const rows: Compared[] = [];
  for (const [program, each] of Map.groupBy(placed, ({ scene }) => scene.program)) {
    const readings = await readByMasakari(release, program, each);
    for (const [index, one] of each.entries())
      rows.push(compare(one.scene, readings[index] ?? [], readByUs(one), one.home));
  }
  return rows;
}

const unexpected = (rows: readonly Compared[]) =>
  rows.filter((row) => !isExpected(row)).map(({ scene, result, why }) => ({ verdict: result, why, ...scene }));

/** A refusal that names the line, and an option or how a line is written. */
const REASON = /^\S+:\d+:\d+: ("\w+"|a line that begins with a blank|expected |the blank )/;

describe('Masakari', () => {
  test('reads scenes of every kind as we do, or we refuse them with the reason', async () => {
    for (const release of releases) {
      const rows = await compared(release, SCENES);
      console.log(tableOf(release.name, rows));
      expect(unexpected(rows)).toEqual([]);
      expect(rows.length).toBeGreaterThan(60);
    }
  });

  test('reads the files that its packages ship and its generator writes as we do', async () => {
    for (const release of releases) {
      const rows = await compared(release, await shippedScenes(release));
      console.log(tableOf(release.name, rows));
      expect(unexpected(rows)).toEqual([]);
    }
  });

  test(`reads ${COUNT} generated files as we do, or we refuse them with the reason (seed ${SEED})`, async () => {
    for (const release of releases) {
      const rows = await compared(release, generatedScenes());
      console.log(tableOf(`${release.name}, seed ${SEED}`, rows).split('\n')[0]);
      const wrong = rows.filter(({ result, why }) => {
        if (result === 'refused by us') return !REASON.test(why);
        // A fraction of a second is a duration here.
        const isFraction = /invalid literal for int\(\) with base 10: '1\.5'/.test(why);
        return result === 'DIFFERENT' || (result === 'read by us alone' && !isFraction);
      });
      expect(
        wrong.map(({ scene, result, why }) => ({ verdict: result, why, text: Object.values(scene.files)[0] })),
      ).toEqual([]);
      expect(rows.filter(({ result }) => result === 'same').length).toBeGreaterThan(100);
    }
  });
});
