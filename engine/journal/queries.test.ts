import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { flowOf, line, notification, Place } from '#test/journal/place.ts';
import type { AcceptNotification, FlowSnapshot, Mutation } from './mutations.ts';
import { QUERIES } from './queries.ts';
import type { LogbookStatus, StepRow, StepState } from './rows.ts';
import type { JournalWriter } from './writer.ts';

/** One step of an attempt: `a:before`, and the states it went through. */
type Transitions = readonly [object: string, before: string, ...states: StepState[]];

class Story {
  readonly #writer: JournalWriter;
  #time = 1;

  constructor(writer: JournalWriter) {
    this.#writer = writer;
  }

  report(...mutations: Mutation[]): readonly unknown[] {
    const [outcome] = this.#writer.commit([mutations]).outcomes;
    if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
    return outcome.results;
  }

  responds(event: string, status: 'new' | 'finished' = 'new', host = 'compute-1'): string {
    const uuid = randomUUID();
    this.#time += 1;
    // Far apart: a second failure is no duplicate of one whose recovery is over.
    const at = this.#time * 1_000_000;
    const payload = JSON.stringify({ event, n: this.#time });
    this.report(notification({ uuid, host, target: `host:${host}`, payload, status, at }));
    return uuid;
  }

  attempt(
    uuid: string,
    kind: string,
    steps: readonly Transitions[],
    { host = 'compute-1', detail = {} }: { readonly host?: string; readonly detail?: object } = {},
  ): FlowSnapshot {
    const [flow] = this.report(flowOf(uuid, { target: `host:${host}` })) as [FlowSnapshot];
    const atomId = flow.atoms[0]?.id ?? 0;
    const planned = steps.map(([object, before]) => ({ key: `${kind} ${object}`, kind, object, before, detail }));
    const [rows] = this.report({ op: 'plan_steps', atomId, steps: planned }) as [StepRow[]];
    for (const [index, [, , ...states]] of steps.entries()) {
      for (const state of states) this.report({ op: 'step', stepId: rows[index]?.id ?? 0, state, at: 1 });
    }
    this.report({ op: 'close_flow', flowId: flow.flow.id, state: 'FAILURE', error: null, at: 2 });
    return flow;
  }

  ends(uuid: string, ...statuses: LogbookStatus[]): void {
    for (const status of statuses) this.report({ op: 'logbook', uuid, status, at: 3 });
  }
}

describe('originals', () => {
  test('remember of each instance what the first recovery saw, and whether the last one finished with it', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const uuid = story.responds('STOPPED');
    story.attempt(uuid, 'evacuate', [
      ['a', 'active', 'intent', 'sent', 'done'],
      ['b', 'stopped', 'intent', 'failed'],
      ['c', 'active'],
    ]);
    story.ends(uuid, 'error');
    story.attempt(uuid, 'evacuate', [
      ['b', 'error', 'intent', 'unknown'],
      ['c', 'error', 'skipped'],
    ]);
    const found = [
      { instance: 'a', before: '"active"', unfinished: 0 },
      { instance: 'b', before: '"stopped"', unfinished: 1 },
      { instance: 'c', before: '"active"', unfinished: 0 },
    ];
    expect(QUERIES.originals(db, 'compute-1')).toEqual(found);
    expect(QUERIES.originals(db, 'compute-2')).toEqual([]);
    story.ends(uuid, 'running', 'failed');
    // A new report after the failure continues from there.
    story.responds('STOPPED');
    expect(QUERIES.originals(db, 'compute-1')).toEqual(found);
  });

  test('are those of evacuations of that host, not of restarts and not of other hosts', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    story.attempt(story.responds('STOPPED'), 'disable_service', [['compute-1', 'up', 'intent']]);
    story.attempt(story.responds('STOPPED', 'new', 'compute-2'), 'evacuate', [['x', 'active', 'intent']], {
      host: 'compute-2',
    });
    expect(QUERIES.originals(db, 'compute-1')).toEqual([]);
    expect(QUERIES.originals(db, 'compute-2')).toMatchObject([{ instance: 'x' }]);
  });

  test('are forgotten when a recovery finished, and when the host came back after one that failed', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const first = story.responds('STOPPED');
    story.attempt(first, 'evacuate', [['a', 'active', 'intent']]);
    story.ends(first, 'finished');
    expect(QUERIES.originals(db, 'compute-1')).toEqual([]);
    const second = story.responds('STOPPED');
    story.attempt(second, 'evacuate', [['a', 'stopped', 'intent']]);
    expect(QUERIES.originals(db, 'compute-1')).toMatchObject([{ before: '"stopped"' }]);
    story.ends(second, 'failed');
    story.responds('STARTED', 'finished');
    expect(QUERIES.originals(db, 'compute-1')).toEqual([]);
  });

  test('of a recovery that is still open are kept although the host came back between two attempts', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const uuid = story.responds('STOPPED');
    story.attempt(uuid, 'evacuate', [['a', 'stopped', 'intent', 'unknown']]);
    story.ends(uuid, 'error');
    story.responds('STARTED', 'finished');
    expect(QUERIES.originals(db, 'compute-1')).toEqual([{ instance: 'a', before: '"stopped"', unfinished: 1 }]);
  });
});

describe('a host that came back and is at work on it', () => {
  test.each<[string, LogbookStatus[]]>([
    ['new', []],
    ['running', ['running']],
    ['superseded', ['running', 'ignored']],
    ['failed', ['running', 'failed']],
    ['finished', ['running', 'finished']],
  ])('has forgotten the originals of before, and its return is %s', (_, statuses) => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const first = story.responds('STOPPED');
    story.attempt(first, 'evacuate', [['a', 'stopped', 'intent', 'failed']]);
    story.ends(first, 'failed');
    expect(QUERIES.originals(db, 'compute-1')).toHaveLength(1);
    story.ends(story.responds('STARTED'), ...statuses);
    expect(QUERIES.originals(db, 'compute-1')).toEqual([]);
  });

  test('has no originals of its migrations, nor evacuations with an unknown end', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const back = story.responds('STARTED');
    const flow = story.attempt(back, 'live_migrate', [['a', 'active', 'intent', 'unknown']]);
    story.attempt(back, 'cold_migrate', [['b', 'stopped', 'intent', 'sent']]);
    expect(QUERIES.originals(db, 'compute-1')).toEqual([]);
    expect(QUERIES.openEvacuations(db, { atomId: 99, host: 'compute-1' })).toEqual([]);
    expect(QUERIES.evacuatedElsewhere(db, flow.atoms[0]?.id ?? 0)).toEqual([]);
  });
});

test('open evacuations are those of other tasks that no later one settled, with the record that was seen', () => {
  using place = new Place();
  const { writer, db } = place.term();
  const story = new Story(writer);
  const uuid = story.responds('STOPPED');
  story.attempt(uuid, 'evacuate', [
    ['a', 'active', 'intent', 'unknown'],
    ['b', 'active', 'intent', 'sent'],
    ['c', 'active', 'intent', 'failed'],
  ]);
  const second = story.attempt(uuid, 'evacuate', [['b', 'active', 'intent', 'sent', 'done']]);
  const open = (atomId: number) => QUERIES.openEvacuations(db, { atomId, host: 'compute-1' });
  expect(open(99)).toEqual([{ instance: 'a', record: null }]);
  expect(open(second.atoms[0]?.id ?? 0)).toEqual([{ instance: 'a', record: null }]);
});

test('crashes of an instance are its recoveries that were not ignored, newest first', () => {
  using place = new Place();
  const { writer, db } = place.term();
  const story = new Story(writer);
  const target = 'instance:a';
  const crash = (at: number, other: Partial<AcceptNotification> = {}) => {
    const accepted = notification({ type: 'VM', target, payload: '{"event":"CRASH"}', generatedAt: at, at, ...other });
    story.report(accepted);
    return accepted.uuid;
  };
  const first = crash(10);
  story.ends(first, 'running', 'finished');
  story.ends(crash(20), 'running', 'ignored');
  crash(30, { status: 'ignored', payload: '{"event":"BOOT"}' });
  crash(40, { target: 'instance:b' });
  const second = crash(50);
  const found = QUERIES.crashesOf(db, target, 9);
  expect(found.map(({ uuid, status, accepted_at }) => [uuid, status, accepted_at])).toEqual([
    [second, 'new', 50],
    [first, 'finished', 10],
  ]);
  expect(QUERIES.crashesOf(db, target, 1)).toHaveLength(1);
});

describe('moved away', () => {
  const to = (host: string) => ({ destination: host });
  const away = (instance: string, destination: string | null, isStarted = false) => ({
    instance,
    destination,
    isStarted,
  });

  test('is what evacuations of the host carried out, of each instance the newest', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const here = { flowId: 0, host: 'compute-1' };
    const first = story.responds('STOPPED');
    story.attempt(
      first,
      'evacuate',
      [
        ['a', 'active', 'intent', 'sent', 'done'],
        ['b', 'active', 'intent', 'failed'],
        ['c', 'active', 'intent', 'unknown'],
        ['d', 'active', 'skipped'],
        ['e', 'active', 'done'],
      ],
      { detail: to('compute-2') },
    );
    story.attempt(story.responds('STOPPED', 'new', 'compute-2'), 'evacuate', [['x', 'active', 'done']], {
      host: 'compute-2',
    });
    expect(QUERIES.movedAway(db, here)).toEqual([away('a', 'compute-2'), away('e', 'compute-2')]);
    story.ends(first, 'error');
    story.attempt(
      first,
      'evacuate',
      [
        ['a', 'active', 'done'],
        ['b', 'active', 'done'],
      ],
      { detail: to('compute-3') },
    );
    story.attempt(first, 'evacuate', [['e', 'active', 'done']], { detail: {} });
    expect(QUERIES.movedAway(db, here)).toEqual([away('a', 'compute-3'), away('e', null), away('b', 'compute-3')]);
  });

  test('is nothing that came home since; what a return began itself is still its own', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const failure = story.responds('STOPPED');
    const moved: Transitions[] = ['a', 'b', 'c'].map((object) => [object, 'active', 'done']);
    story.attempt(failure, 'evacuate', moved, { detail: to('compute-2') });
    story.ends(failure, 'finished');
    const back = story.responds('STARTED');
    const live = story.attempt(back, 'live_migrate', [
      ['a', 'active', 'done'],
      ['b', 'active', 'intent', 'failed'],
    ]);
    story.ends(back, 'error');
    const cold = story.attempt(back, 'cold_migrate', [['c', 'stopped', 'done']]);
    for (const { flow } of [live, cold]) {
      expect(QUERIES.movedAway(db, { flowId: flow.id, host: 'compute-1' })).toEqual([
        away('a', 'compute-2', true),
        away('b', 'compute-2', true),
        away('c', 'compute-2', true),
      ]);
    }
    story.ends(back, 'failed');
    const next = story.attempt(story.responds('STARTED'), 'choose', []);
    const ofNext = { flowId: next.flow.id, host: 'compute-1' };
    expect(QUERIES.movedAway(db, ofNext)).toEqual([away('b', 'compute-2')]);
    // Moved away once more, it is to come home once more.
    story.attempt(story.responds('STOPPED'), 'evacuate', [['a', 'active', 'done']], { detail: to('compute-3') });
    expect(QUERIES.movedAway(db, ofNext)).toEqual([away('b', 'compute-2'), away('a', 'compute-3')]);
  });
});

test('a recovery is shown with its attempts, tasks, steps and events, and listed newest first', () => {
  using place = new Place();
  const { writer, db } = place.term();
  const story = new Story(writer);
  const first = story.responds('STOPPED');
  const flow = story.attempt(first, 'evacuate', [['a', 'active', 'intent', 'done']]);
  story.ends(first, 'error');
  const [second] = story.report(flowOf(first)) as [FlowSnapshot];
  story.report(line(second, 'one'), line(second, 'two'), { op: 'resume_flow', flowId: second.flow.id });
  const later = story.responds('STARTED', 'finished');

  expect(QUERIES.show(db, 'unknown')).toBeNull();
  const shown = QUERIES.show(db, first);
  expect(shown?.flows.map(({ flow: { attempt, state, resumes } }) => [attempt, state, resumes])).toEqual([
    [1, 'FAILURE', 0],
    [2, 'RUNNING', 1],
  ]);
  expect(shown?.flows[0]?.steps).toMatchObject([{ object: 'a', state: 'done', epoch: 1, intent_at: 1, ended_at: 1 }]);
  expect(shown?.flows[1]?.events.map(({ seq, message }) => [seq, message])).toEqual([
    [1, 'one'],
    [2, 'two'],
  ]);
  expect(shown?.flows[1]?.atoms).toMatchObject([{ ord: 0, state: 'PENDING', progress: 0.5 }]);
  expect(QUERIES.flows(db, shown?.logbook.id ?? 0).map(({ id }) => id)).toEqual([flow.flow.id, second.flow.id]);
  expect(QUERIES.openFlow(db, shown?.logbook.id ?? 0)?.flow.id).toBe(second.flow.id);
  expect(QUERIES.atoms(db, second.flow.id)).toEqual(shown?.flows[1]?.atoms);

  expect(QUERIES.list(db, { limit: 10 }).map(({ uuid }) => uuid)).toEqual([later, first]);
  expect(QUERIES.list(db, { limit: 1 }).map(({ uuid }) => uuid)).toEqual([later]);
  expect(QUERIES.list(db, { limit: 10, status: 'running' }).map(({ uuid }) => uuid)).toEqual([first]);
  expect(QUERIES.open(db).map(({ uuid }) => uuid)).toEqual([first]);
  expect(QUERIES.summary(db)).toMatchObject({
    lease: { epoch: 1, node: 'n1' },
    counts: { running: 1, finished: 1 },
    open: [{ uuid: first }],
  });
  story.report({ op: 'host', name: 'compute-9', reserved: 0, by: 'operator', at: 7 });
  expect(QUERIES.hosts(db)).toEqual([{ name: 'compute-9', reserved: 0, updated_at: 7, updated_by: 'operator' }]);
});

test('steps planned again keep what they know', () => {
  using place = new Place();
  const { writer } = place.term();
  const story = new Story(writer);
  const [flow] = story.report(flowOf(story.responds('STOPPED'))) as [FlowSnapshot];
  const atomId = flow.atoms[0]?.id ?? 0;
  const plan = (before: string): Mutation => ({
    op: 'plan_steps',
    atomId,
    steps: [{ key: 'k', kind: 'evacuate', object: 'a', before }],
  });
  const [[step]] = story.report(plan('active')) as [[StepRow]];
  story.report({ op: 'step', stepId: step.id, state: 'intent', requestId: 'req-1', detail: { n: 1 }, at: 5 });
  const [[again]] = story.report(plan('error')) as [[StepRow]];
  expect(again).toMatchObject({ id: step.id, state: 'intent', before: '"active"', request_id: 'req-1', intent_at: 5 });
});

describe('doubts', () => {
  test('are unknown outcomes of a task, until a later flow found out', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const uuid = story.responds('STOPPED');
    const { flow } = story.attempt(uuid, 'task', [
      ['a', '{}', 'intent', 'unknown'],
      ['b', '{}', 'intent', 'unknown'],
      ['c', '{}', 'intent', 'unknown'],
    ]);
    const open = (): string[] => QUERIES.doubts(db, flow.logbook_id).map(({ key }) => key);
    expect(open()).toEqual(['task a', 'task b', 'task c']);
    story.attempt(uuid, 'task', [
      ['a', '{}', 'intent', 'done'],
      ['b', '{}'],
      ['c', '{}', 'skipped'],
    ]);
    expect(open()).toEqual(['task b', 'task c']);
  });
});

describe('reserved hosts in use', () => {
  test('are those of open flows, and of flows that are about to be restarted, in other recoveries', () => {
    using place = new Place();
    const { writer, db } = place.term();
    const story = new Story(writer);
    const begins = (host: string, reserved: string | null): FlowSnapshot => {
      const plan = JSON.stringify({ inputs: { reserved_host: reserved } });
      const uuid = story.responds('STOPPED', 'new', host);
      return story.report(flowOf(uuid, { target: `host:${host}`, plan }))[0] as FlowSnapshot;
    };
    const first = begins('c1', 'r1');
    begins('c2', null);
    const inUse = (): string[] => QUERIES.reservedHostsInUse(db, 0);
    expect(inUse()).toEqual(['r1']);
    expect(QUERIES.reservedHostsInUse(db, first.flow.logbook_id)).toEqual([]);
    const close = { op: 'close_flow', flowId: first.flow.id, error: null, at: 2 } as const;
    story.report({ ...close, state: 'ABANDONED' });
    expect(inUse()).toEqual(['r1']);
    const third = begins('c3', 'r3');
    story.report({ ...close, flowId: third.flow.id, state: 'FAILURE' });
    expect(inUse()).toEqual(['r1']);
  });
});
