/** What Masakari and we make of the same scene. */
import { isDeepStrictEqual } from 'node:util';
import type { Reading, Values } from './reading.ts';
import type { Scene } from './scene.ts';

export type Result = 'same' | 'both refuse' | 'refused by us' | 'read by us alone' | 'DIFFERENT';

export interface Compared {
  readonly scene: Scene;
  readonly result: Result;
  /** Why one refuses it, or which options differ and how. */
  readonly why: string;
}

/** @param there the readings of all ways in which Masakari is started */
export function compare(scene: Scene, there: readonly Reading[], here: Reading, home: string): Compared {
  const refusal = there.find(({ error }) => error !== undefined)?.error;
  const short = (text: string): string => text.replaceAll(`${home}/`, '').replaceAll(/\s+/g, ' ');
  const of = (result: Result, why = '') => ({ scene, result, why: short(why) });
  if (here.error !== undefined) return of(refusal === undefined ? 'refused by us' : 'both refuse', here.error);
  if (refusal !== undefined) return of('read by us alone', refusal);
  const different = there.flatMap(({ values = {} }) => differences(values, here.values ?? {}));
  return different.length === 0 ? of('same') : of('DIFFERENT', different.join('; '));
}

/** Of the options that Masakari registers. */
function differences(there: Values, here: Values): string[] {
  return Object.entries(there)
    .filter(([name, value]) => !isDeepStrictEqual(value, here[name]))
    .map(([name, value]) => `${name}: Masakari ${JSON.stringify(value)}, we ${JSON.stringify(here[name])}`);
}

export function isExpected({ scene, result, why }: Compared): boolean {
  if (scene.refused !== undefined) return /refuse/.test(result) && scene.refused.test(why);
  if (scene.alone !== undefined) return result === 'read by us alone';
  if (scene.differs !== undefined) return result === 'DIFFERENT';
  return result === 'same' || result === 'both refuse';
}

export function tableOf(title: string, rows: readonly Compared[]): string {
  const counts = Map.groupBy(rows, ({ result }) => result);
  const summary = [...counts].map(([result, each]) => `${each.length} ${result}`).join(', ');
  return [
    `${title}: ${rows.length} scenes, ${summary}`,
    '| scene | result | why |',
    '|---|---|---|',
    ...rows.map(({ scene, result, why }) => `| ${scene.name} | ${result} | ${why} |`),
  ].join('\n');
}
