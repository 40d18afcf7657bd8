/** Reports as the journal accepts them, with the recoveries that are open at that moment. */
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { flowOf, notification, Place } from '#test/journal/place.ts';
import type { AcceptNotification, AcceptResult, FlowSnapshot, Mutation } from './mutations.ts';
import type { LogbookStatus, StepRow, StepState } from './rows.ts';
import { MIGRATIONS } from './schema.ts';

const SECOND = 1_000;
const TARGET = 'instance:a';

class Story {
  readonly #place: Place;
  readonly #writer;
  readonly db;

  constructor(place: Place) {
    this.#place = place;
    const { writer, db } = place.term();
    this.#writer = writer;
    this.db = db;
  }

  commit(...mutations: Mutation[]): readonly unknown[] {
    const [outcome] = this.#writer.commit([mutations]).outcomes;
    if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
    return outcome.results;
  }

  /** Accepted in this second, stamped with it unless `other` has a stamp. Returns the recovery that has it. */
  report(second: number, other: Partial<AcceptNotification> = {}): AcceptResult {
    const at = second * SECOND;
    const accepted = notification({ duplicateIntervalMs: 180 * SECOND, generatedAt: at, at, ...other });
    return this.commit(accepted)[0] as AcceptResult;
  }

  crash(second: number, other: Partial<AcceptNotification> = {}): AcceptResult {
    const payload = '{"event":"LIFECYCLE","vir_domain_event":"STOPPED_FAILED"}';
    return this.report(second, { type: 'VM', target: TARGET, payload, ...other });
  }

  flow(
    { logbook }: AcceptResult,
    tasks: readonly string[] = ['stop_instance_task', 'start_instance_task'],
  ): FlowSnapshot {
    const atoms = tasks.map((name) => ({ phase: 'main' as const, name }));
    return this.commit(flowOf(logbook.uuid, { target: TARGET, atoms }))[0] as FlowSnapshot;
  }

  /** One step of the last task, through these states in this second. */
  step(flow: FlowSnapshot, kind: string, second: number, ...states: StepState[]): void {
    const atomId = flow.atoms.at(-1)?.id ?? 0;
    const steps = [{ key: kind, kind, object: 'a', before: {} }];
    const [[step]] = this.commit({ op: 'plan_steps', atomId, steps }) as [StepRow[]];
    for (const state of states) this.commit({ op: 'step', stepId: step?.id ?? 0, state, at: second * SECOND });
  }

  ends({ logbook: { uuid } }: AcceptResult, flow: FlowSnapshot, status: LogbookStatus, second: number): void {
    const at = second * SECOND;
    const state = status === 'finished' ? 'SUCCESS' : 'FAILURE';
    this.commit(
      { op: 'close_flow', flowId: flow.flow.id, state, error: null, at },
      { op: 'logbook', uuid, status, at },
    );
  }

  rows(): number {
    return this.#place.hand().prepare<[], number>('SELECT count(*) FROM logbooks').pluck().get() ?? 0;
  }
}

describe('a second event of an instance while its first crash is recovered', () => {
  const IO_ERROR = { payload: '{"event":"IO_ERROR","vir_domain_event":"IO_ERROR_REPORT"}' };

  test('is of the same crash until the restart was requested', () => {
    using place = new Place();
    const story = new Story(place);
    const first = story.crash(0, IO_ERROR);
    expect(story.crash(0.2)).toMatchObject({ isDuplicate: true, logbook: { uuid: first.logbook.uuid } });
    const flow = story.flow(first);
    story.step(flow, 'stop', 1, 'intent', 'sent', 'done');
    expect(story.crash(2).isDuplicate).toBe(true);
    expect(story.rows()).toBe(1);
  });

  test.each<[string, StepState[]]>([
    ['requested', ['intent']],
    ['sent', ['intent', 'sent']],
    ['in doubt', ['intent', 'unknown']],
    ['over', ['intent', 'sent', 'done']],
    ['not necessary', ['skipped']],
  ])('is a crash of its own when the restart is %s', (_, states) => {
    using place = new Place();
    const story = new Story(place);
    const first = story.crash(0);
    story.step(story.flow(first), 'start', 3, ...states);
    const second = story.crash(25);
    expect(second.isDuplicate).toBe(false);
    // It waits for the first one, and covers each crash that is reported until its own restart.
    expect(story.crash(26)).toMatchObject({ isDuplicate: true, logbook: { uuid: second.logbook.uuid } });
  });

  test('is of the same crash when the restart was refused for now', () => {
    using place = new Place();
    const story = new Story(place);
    const first = story.crash(0);
    story.step(story.flow(first), 'start', 3, 'intent', 'planned');
    expect(story.crash(25).isDuplicate).toBe(true);
  });

  test.each(['reboot', 'rebuild', 'evacuate'])('is a crash of its own after a %s', (kind) => {
    using place = new Place();
    const story = new Story(place);
    const first = story.crash(0);
    story.step(story.flow(first, ['my_action']), kind, 3, 'intent');
    expect(story.crash(25).isDuplicate).toBe(false);
  });

  test('is a crash of its own after a custom task that may be the restart, not after one before the built-in start', () => {
    for (const [tasks, isDuplicate] of [
      [['my_restart'], false],
      [['start_instance_task', 'tell_owner'], true],
    ] as const) {
      using place = new Place();
      const story = new Story(place);
      const first = story.crash(0);
      story.step(story.flow(first, tasks), 'task', 3, 'intent');
      expect(story.crash(25).isDuplicate, String(tasks)).toBe(isDuplicate);
    }
  });

  test('is left to the next attempt of a recovery that failed after the restart', () => {
    using place = new Place();
    const story = new Story(place);
    const first = story.crash(0);
    const flow = story.flow(first);
    story.step(flow, 'start', 3, 'intent', 'failed');
    story.ends(first, flow, 'error', 10);
    expect(story.crash(25).isDuplicate).toBe(true);
    story.step(story.flow(first), 'start', 70, 'intent');
    expect(story.crash(90).isDuplicate).toBe(false);
  });

  test.each(['running', 'finished'] as const)(
    'is of the same crash when it was delivered late to a %s recovery',
    (status) => {
      using place = new Place();
      const story = new Story(place);
      const first = story.crash(0, IO_ERROR);
      const flow = story.flow(first);
      story.step(flow, 'start', 3, 'intent', 'done');
      if (status === 'finished') story.ends(first, flow, 'finished', 5);
      expect(story.crash(60, { generatedAt: 200 }).isDuplicate).toBe(true);
      expect(story.crash(60, { generatedAt: 30 * SECOND, ageMs: 59 * SECOND }).isDuplicate).toBe(true);
      expect(story.crash(60).isDuplicate).toBe(false);
    },
  );

  test('is of another instance', () => {
    using place = new Place();
    const story = new Story(place);
    story.crash(0);
    expect(story.crash(0.2, { target: 'instance:b' }).isDuplicate).toBe(false);
  });
});

describe('a second death of a host', () => {
  test('after a recovery that was ignored in its work is a recovery of its own, in the very same millisecond too', () => {
    using place = new Place();
    const story = new Story(place);
    const { logbook } = story.report(0);
    story.commit({ op: 'logbook', uuid: logbook.uuid, status: 'ignored', at: 0 });
    expect(story.report(0, { generatedAt: 1 }).isDuplicate).toBe(false);
  });

  test('after a state of the acceptance repeats it, until an operator retried it', () => {
    using place = new Place();
    const story = new Story(place);
    const { logbook } = story.report(0, { status: 'ignored' });
    expect(story.report(1, { status: 'ignored' }).isDuplicate).toBe(true);
    story.commit(
      { op: 'logbook', uuid: logbook.uuid, status: 'new', retried: 1, at: 2 },
      { op: 'logbook', uuid: logbook.uuid, status: 'ignored', at: 3 },
    );
    expect(story.report(4, { status: 'ignored' }).isDuplicate).toBe(false);
  });

  test('gives its proof to the open recovery that it repeats, and never a weaker one', () => {
    using place = new Place();
    const story = new Story(place);
    story.report(0);
    const proofOf = (second: number, proof: 'none' | 'fencing' | 'operator') => story.report(second, { proof }).logbook;
    expect(proofOf(1, 'fencing')).toMatchObject({ proof: 'fencing', proved_at: null });
    expect(proofOf(2, 'none')).toMatchObject({ proof: 'fencing' });
    expect(proofOf(3, 'operator')).toMatchObject({ proof: 'operator', proved_at: 3 * SECOND });
    expect(story.rows()).toBe(1);
  });

  test("is known although the engine's clock was set back by a day in between", () => {
    using place = new Place();
    const story = new Story(place);
    const day = 86_400;
    const first = story.report(day);
    expect(story.report(60).isDuplicate).toBe(true);
    story.report(120, { payload: '{"event":"STARTED"}', status: 'finished' });
    const second = story.report(180);
    expect(second).toMatchObject({ isDuplicate: false });
    expect(second.logbook.id).toBeGreaterThan(first.logbook.id);
  });
});

describe('a flood', () => {
  test('of equal reports is one row', () => {
    using place = new Place();
    const story = new Story(place);
    const flood = Array.from({ length: 1_000 }, (_, n) => notification({ generatedAt: n, at: n * 100 }));
    story.commit(...flood);
    expect(story.rows()).toBe(1);
  });

  test('of reports that are ignored hides neither the open recovery nor the return', () => {
    using place = new Place();
    const story = new Story(place);
    const flood = (from: number) =>
      Array.from({ length: 300 }, (_, n) =>
        notification({ payload: `{"event":"STOPPED","n":${from + n}}`, status: 'ignored', at: from * SECOND }),
      );
    const first = story.report(0);
    story.commit(...flood(1_000));
    expect(story.report(2_000)).toMatchObject({ isDuplicate: true, logbook: { uuid: first.logbook.uuid } });
    story.report(2_001, { payload: '{"event":"STARTED"}', status: 'finished' });
    story.commit(...flood(3_000));
    expect(story.report(4_000).isDuplicate).toBe(false);
  });

  test('costs reads of an index that are bounded', () => {
    using place = new Place();
    place.term();
    const plan = place
      .hand()
      .prepare(
        `EXPLAIN QUERY PLAN SELECT * FROM logbooks WHERE target = ? AND type = ? AND accepted_as = ? AND host = ?
         ORDER BY id DESC LIMIT 100`,
      )
      .all('t', 'VM', 'new', 'h');
    expect(JSON.stringify(plan)).toContain('USING INDEX logbooks_by_target (target=? AND type=? AND accepted_as=?)');
    expect(JSON.stringify(plan)).not.toContain('TEMP B-TREE');
  });
});

test('a journal of version 1 keeps the states of the acceptance', () => {
  const db = new Database(':memory:');
  const [first = '', second = ''] = MIGRATIONS;
  db.exec(first);
  const insert = db.prepare(
    `INSERT INTO logbooks (uuid, dedup_key, type, host, target, generated_at, payload, accepted_at, updated_at, closed_at, status)
     VALUES (@uuid, @uuid, 'VM', 'h', 't', 1, '{}', 1, 1, @closedAt, @uuid)`,
  );
  for (const [uuid, closedAt] of [
    ['ignored', 1],
    ['finished', 9],
    ['failed', 1],
    ['new', null],
  ]) {
    insert.run({ uuid, closedAt });
  }
  db.exec(second);
  const rows = db.prepare('SELECT uuid, accepted_as FROM logbooks ORDER BY id').raw().all();
  db.close();
  expect(rows).toEqual([
    ['ignored', 'ignored'],
    ['finished', 'new'],
    ['failed', 'new'],
    ['new', 'new'],
  ]);
});
