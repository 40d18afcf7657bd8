/**
 * Kills the engine at every crash point in every kind of recovery; another engine finishes the work. Points that a kind
 * does not pass are listed, and tested not to be passed: none vanishes silently.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '#engine/crash-points.ts';
import { expectOneFlowEach, expectWholeJournal } from './journal-checks.ts';
import { HOST, INSTANCE, type Kind, PROCESS } from './recoveries.ts';
import { Scene } from './scene.ts';

/** Points that are passed more than once are tried at later passages too. */
const LATER: readonly { readonly room: string; readonly passages: readonly number[] }[] = [
  { room: 'step', passages: [2, 5] },
  { room: 'task', passages: [2, 3] },
  { room: 'writer', passages: [2, 5] },
];

interface Case {
  readonly point: CrashPoint;
  readonly passage: number;
  /** Where engines die, one after the other; the last point is the one that is tried. */
  readonly deaths: readonly string[];
  readonly title: string;
}

/** How often a kind passes a point at least, where that is not at every passage tried here. */
const PASSAGES: Readonly<Record<string, Partial<Record<CrashPoint, number>>>> = {
  host: { 'step.after-plan': 2 },
  instance: {
    'step.after-plan': 2,
    'step.before-intent': 2,
    'step.after-intent': 2,
    'step.after-call': 2,
    'step.after-sent': 2,
    'step.before-outcome': 4,
    'step.after-outcome': 4,
  },
  process: {
    'task.before-start': 2,
    'task.after-start': 2,
    'task.after-run': 2,
    'step.after-plan': 1,
    'step.before-intent': 1,
    'step.after-intent': 1,
    'step.after-call': 1,
    'step.after-sent': 1,
    'step.before-outcome': 2,
    'step.after-outcome': 2,
  },
};
/** Only a rollback passes these: see rollback.test.ts. */
const OF_ROLLBACK: readonly CrashPoint[] = ['task.before-undo', 'task.after-undo'];

function casesOf(point: CrashPoint): Case[] {
  // Only an engine that resumes passes this one.
  const takeOver = { point, passage: 1, deaths: ['step.after-call', point], title: `step.after-call, then ${point}` };
  if (point === 'flow.after-resume') return [takeOver];
  const later = LATER.find(({ room }) => point.startsWith(`${room}.`))?.passages ?? [];
  const passages = OF_ROLLBACK.includes(point) ? [1] : [1, ...later];
  const cases = passages.map((passage): Case => {
    const title = passage === 1 ? point : `${point}:${passage}`;
    return { point, passage, deaths: [title], title };
  });
  // A start may be a take-over.
  return point.startsWith('lease.') ? [...cases, takeOver] : cases;
}

function isPassed(kind: Kind, { point, passage }: Case): boolean {
  return !OF_ROLLBACK.includes(point) && passage <= (PASSAGES[kind.name]?.[point] ?? passage);
}

const KINDS = [HOST, INSTANCE, PROCESS];
const CASES = CRASH_POINTS.flatMap(casesOf);
const matrix = new Map<string, Map<string, string>>();

function note(kind: Kind, { title }: Case, outcome: string): void {
  matrix.set(title, (matrix.get(title) ?? new Map()).set(kind.name, outcome));
}

async function tryCase(kind: Kind, one: Case): Promise<void> {
  await using scene = await Scene.open();
  const { notification, check } = kind.fail(scene.world);
  let uuid: string | undefined;
  for (const crashPoint of isPassed(kind, one) ? one.deaths : []) {
    const engine = scene.launch({ crashPoint });
    if (!uuid) uuid = (await scene.report(engine, notification))?.notification_uuid;
    expect(await scene.ended(engine), engine.lastWords()).toEqual({ code: null, signal: 'SIGKILL' });
  }
  // Where the point is not passed the engine carries it armed to the end.
  const last = scene.launch(isPassed(kind, one) ? {} : { crashPoint: one.deaths.join() });
  uuid ??= (await scene.report(last, notification))?.notification_uuid;
  await scene.closed(last, uuid ?? 'nothing was acknowledged');
  await scene.stop(last);
  check(scene.calls);
  expectOneFlowEach(expectWholeJournal(scene.journalPath, { notifications: 1, engines: scene.engines.length }));
}

beforeAll(() => Scene.warmUp());

describe.for(KINDS)('a recovery of kind "$name"', { concurrent: true }, (kind) => {
  it.for(CASES)('is finished, and nothing done twice, after kill -9 at $title', async (one) => {
    note(kind, one, 'FAILED');
    await tryCase(kind, one);
    note(kind, one, isPassed(kind, one) ? 'killed, finished' : 'not passed');
  });
});

afterAll(() => {
  const width = Math.max(...[...matrix.keys()].map((row) => row.length)) + 2;
  const line = (head: string, cells: readonly string[]): string =>
    `${head.padEnd(width)}${cells.map((cell) => cell.padEnd(18)).join('')}`.trimEnd();
  const names = KINDS.map(({ name }) => name);
  const rows = [...matrix].map(([row, cells]) =>
    line(
      row,
      names.map((name) => cells.get(name) ?? '-'),
    ),
  );
  console.log([line('kill -9 at', names), ...rows].join('\n'));
});
