import { describe, expect, test } from 'vitest';
import { notification, Place } from '#test/journal/place.ts';
import type { AcceptNotification, AcceptResult } from '../journal/mutations.ts';
import type { AcceptedAs, LogbookRow, LogbookStatus, NotificationType } from '../journal/rows.ts';
import { findDuplicate, type Report } from './duplicate-decision.ts';

const MINUTE = 60_000;
const INTERVAL = 3 * MINUTE;

/**
 * `STOPPED@10 finished@14`: accepted in minute 10, closed as finished in minute 14; without an end it is open. An end in the minute of the
 * acceptance is the state of the acceptance.
 */
function earlier(type: NotificationType, described: string): LogbookRow {
  const [what = '', end] = described.split(' ');
  const [event = '', at] = what.split('@');
  const [status, closed] = end?.split('@') ?? ['running', undefined];
  return {
    id: Number(at),
    uuid: described,
    type,
    host: 'h',
    target: 't',
    payload: JSON.stringify({ event }),
    generated_at: Number(at) * MINUTE,
    accepted_at: Number(at) * MINUTE,
    accepted_as: closed === at && (status === 'ignored' || status === 'finished') ? status : 'new',
    updated_at: Number(at) * MINUTE,
    closed_at: closed === undefined ? null : Number(closed) * MINUTE,
    status: status as LogbookStatus,
    message: null,
    failures: 0,
    work_failures: 0,
    proved_at: null,
    retry_at: null,
    parked_reason: null,
    parked_by: null,
    proof: 'none',
    proved_after: null,
    retried: 0,
    waited_ms: 0,
    earliest_at: null,
    follow_ups: 0,
    approved: 0,
    priority: 0,
  };
}

/** `STOPPED@12 ignored`: accepted in minute 12 with this state; without one as `new`. Stamped with the same minute. */
function report(type: NotificationType, described: string): Report {
  const [what = '', status = 'new'] = described.split(' ');
  const [event = '', minute] = what.split('@');
  const at = Number(minute) * MINUTE;
  return { type, host: 'h', payload: JSON.stringify({ event }), generatedAt: at, at, status: status as AcceptedAs };
}

type Case = [
  sentence: string,
  type: NotificationType,
  report: string,
  /** Newest first. */
  before: string[],
  repeated: string | undefined,
];

describe('findDuplicate', () => {
  test.each<Case>([
    ['the first report of all', 'COMPUTE_HOST', 'STOPPED@10', [], undefined],
    ['redelivered while it is worked on', 'COMPUTE_HOST', 'STOPPED@10', ['STOPPED@10'], 'STOPPED@10'],
    ['redelivered after its recovery failed', 'VM', 'CRASH@10', ['CRASH@10 failed@14'], 'CRASH@10 failed@14'],
    [
      'redelivered after others',
      'COMPUTE_HOST',
      'STOPPED@1',
      ['STARTED@9 ignored@9', 'STOPPED@1 failed@2'],
      'STOPPED@1 failed@2',
    ],
    ['reported by another monitor, still open', 'COMPUTE_HOST', 'STOPPED@20', ['STOPPED@10'], 'STOPPED@10'],
    [
      'reported again while the first waits for its next attempt',
      'VM',
      'CRASH@20',
      ['CRASH@10 error'],
      'CRASH@10 error',
    ],
    [
      'a host, finished within the interval, no other report',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STOPPED@10 finished@11'],
      'STOPPED@10 finished@11',
    ],
    [
      'a process, finished within the interval',
      'PROCESS',
      'STOPPED@12',
      ['STOPPED@10 finished@11'],
      'STOPPED@10 finished@11',
    ],
    ['a host, finished, the interval is over', 'COMPUTE_HOST', 'STOPPED@13', ['STOPPED@10 finished@11'], undefined],
    [
      'a host, finished, accepted before it by a clock set back',
      'COMPUTE_HOST',
      'STOPPED@9',
      ['STOPPED@10 finished@11'],
      undefined,
    ],
    [
      'a host that came back in between',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11 finished@11', 'STOPPED@10 finished@10.5'],
      undefined,
    ],
    [
      'a host that came back in between, in a disabled segment',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11 ignored@11', 'STOPPED@10'],
      undefined,
    ],
    [
      'a host that came back before the first failure was accepted',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STOPPED@10 finished@10.5', 'STARTED@11 finished@11'],
      'STOPPED@10 finished@10.5',
    ],
    ['a host whose recovery failed', 'COMPUTE_HOST', 'STOPPED@12', ['STOPPED@10 failed@11'], undefined],
    ['a host whose recovery found it alive', 'COMPUTE_HOST', 'STOPPED@12', ['STOPPED@10 ignored@11'], undefined],
    [
      'a host ignored at the acceptance within the interval',
      'COMPUTE_HOST',
      'STOPPED@12 ignored',
      ['STOPPED@10 ignored@10'],
      'STOPPED@10 ignored@10',
    ],
    [
      'a host ignored at the acceptance, the interval is over',
      'COMPUTE_HOST',
      'STOPPED@13 ignored',
      ['STOPPED@10 ignored@10'],
      undefined,
    ],
    [
      'a host ignored at the acceptance, and the state has changed',
      'COMPUTE_HOST',
      'STOPPED@12 new',
      ['STOPPED@10 ignored@10'],
      undefined,
    ],
    ['a second crash of an instance that was recovered', 'VM', 'CRASH@12', ['CRASH@10 finished@11'], undefined],
    ['a crash of an instance whose recovery failed', 'VM', 'CRASH@12', ['CRASH@10 failed@11'], undefined],
    ['a crash of an instance whose recovery was superseded', 'VM', 'CRASH@12', ['CRASH@10 ignored@11'], undefined],
    [
      'an instance ignored at the acceptance within the interval',
      'VM',
      'EVENT@12 ignored',
      ['EVENT@10 ignored@10'],
      'EVENT@10 ignored@10',
    ],
    ['an instance ignored, the interval is over', 'VM', 'EVENT@13 ignored', ['EVENT@10 ignored@10'], undefined],
    ['another event of the same crash', 'VM', 'CRASH@10.1', ['IO_ERROR@10'], 'IO_ERROR@10'],
    ['a crash after an event that is no failure', 'VM', 'CRASH@10.1', ['EVENT@10 ignored@10'], undefined],
    [
      'a host that failed again while its return was being worked on',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11', 'STOPPED@10'],
      undefined,
    ],
    [
      'the same, and the first failure finished after it',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11', 'STOPPED@10 finished@14'],
      undefined,
    ],
    [
      'a host that failed again while its first failure waits for a retry',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11 finished@11', 'STOPPED@10 error'],
      undefined,
    ],
    [
      'a process that came back in between',
      'PROCESS',
      'STOPPED@12',
      ['STARTED@11 finished@11', 'STOPPED@10'],
      undefined,
    ],
    ['a return, reported by another monitor', 'COMPUTE_HOST', 'STARTED@12', ['STARTED@11', 'STOPPED@10'], 'STARTED@11'],
    ['a second return after a second failure', 'COMPUTE_HOST', 'STARTED@13', ['STOPPED@12', 'STARTED@11'], undefined],
    [
      'a return that is only noted, once more within the interval',
      'COMPUTE_HOST',
      'STARTED@12 finished',
      ['STARTED@11 finished@11'],
      'STARTED@11 finished@11',
    ],
    ['another event of the host', 'COMPUTE_HOST', 'STARTED@12', ['STOPPED@10'], undefined],
  ])('%s', (_, type, described, before, expected) => {
    const rows = before.map((one) => earlier(type, one));
    expect(findDuplicate(report(type, described), rows, INTERVAL)?.uuid).toBe(expected);
  });

  test('the very same report, redelivered days later, is a duplicate with any state by then', () => {
    const rows = [earlier('COMPUTE_HOST', 'STARTED@11 finished@11'), earlier('COMPUTE_HOST', 'STOPPED@10 finished@14')];
    const again: Report = { ...report('COMPUTE_HOST', 'STOPPED@10'), at: 9_999 * MINUTE, status: 'ignored' };
    expect(findDuplicate(again, rows, INTERVAL)?.uuid).toBe('STOPPED@10 finished@14');
  });

  test.each([-90, 0, 90, 1e9])('compares no stamps of two machines: the other clock differs by %d s', (offset) => {
    const shifted = (described: string): Report => {
      const one = report('COMPUTE_HOST', described);
      return { ...one, generatedAt: one.generatedAt + offset * 1_000 };
    };
    const rows = (...described: string[]) => described.map((one) => earlier('COMPUTE_HOST', one));
    const find = (described: string, before: LogbookRow[]) => findDuplicate(shifted(described), before, INTERVAL)?.uuid;
    expect(find('STOPPED@10.05', rows('STOPPED@10'))).toBe('STOPPED@10');
    expect(find('STOPPED@10.8', rows('STOPPED@10 finished@10.7'))).toBe('STOPPED@10 finished@10.7');
    expect(find('STOPPED@13.5', rows('STOPPED@10 finished@10.7'))).toBeUndefined();
    expect(find('STOPPED@10.8', rows('STARTED@10.5 finished@10.5', 'STOPPED@10'))).toBeUndefined();
  });

  test('a report that was on its way since before the recovery ended is a duplicate, however late', () => {
    const rows = [earlier('COMPUTE_HOST', 'STOPPED@10 finished@14')];
    const late = report('COMPUTE_HOST', 'STOPPED@30');
    expect(findDuplicate({ ...late, ageMs: 17 * MINUTE }, rows, INTERVAL)?.uuid).toBe('STOPPED@10 finished@14');
    expect(findDuplicate({ ...late, ageMs: 15 * MINUTE }, rows, INTERVAL)).toBeUndefined();
    expect(findDuplicate(late, rows, INTERVAL)).toBeUndefined();
  });

  test('an operator who reports the host down repeats only what is open', () => {
    const operators: Report = { ...report('COMPUTE_HOST', 'STOPPED@12'), proof: 'operator' };
    expect(findDuplicate(operators, [earlier('COMPUTE_HOST', 'STOPPED@10')], INTERVAL)?.uuid).toBe('STOPPED@10');
    expect(findDuplicate(operators, [earlier('COMPUTE_HOST', 'STOPPED@10 finished@11')], INTERVAL)).toBeUndefined();
  });

  test('two failures of one host are one with any text, those of two processes are not', () => {
    const words = (type: NotificationType, described: string, payload: object) => ({
      ...earlier(type, described),
      payload: JSON.stringify(payload),
    });
    const dead = words('COMPUTE_HOST', 'STOPPED@10', { event: 'STOPPED', host_status: 'NORMAL' });
    expect(findDuplicate(report('COMPUTE_HOST', 'STOPPED@11'), [dead], INTERVAL)).toBe(dead);
    const nova = words('PROCESS', 'STOPPED@10', { event: 'STOPPED', process_name: 'nova-compute' });
    expect(findDuplicate(report('PROCESS', 'STOPPED@11'), [nova], INTERVAL)).toBeUndefined();
  });

  test('compares reports of the same type and host alone', () => {
    const rows = [earlier('PROCESS', 'STOPPED@10'), { ...earlier('COMPUTE_HOST', 'STOPPED@10'), host: 'other' }];
    expect(findDuplicate(report('COMPUTE_HOST', 'STOPPED@10'), rows, INTERVAL)).toBeUndefined();
  });
});

describe('a crash while a recovery of the instance is open', () => {
  const first = earlier('VM', 'CRASH@10');
  const crash = report('VM', 'CRASH@11');

  test('repeats it until the recovery requested the restart', () => {
    expect(findDuplicate(crash, [{ ...first, restart: null }], INTERVAL)?.uuid).toBe(first.uuid);
    expect(findDuplicate(crash, [{ ...first, restart: { at: 10.5 * MINUTE } }], INTERVAL)).toBeUndefined();
  });

  test('repeats the second recovery that waits for the first one', () => {
    const second = { ...earlier('VM', 'CRASH@10.8'), restart: null };
    const rows = [second, { ...first, restart: { at: 10.5 * MINUTE } }];
    expect(findDuplicate(crash, rows, INTERVAL)?.uuid).toBe(second.uuid);
  });
});

describe('accepted through the journal', () => {
  function accept(place: Place) {
    const { writer, db } = place.term();
    const one = (other: Partial<AcceptNotification>): AcceptResult => {
      const [outcome] = writer.commit([[notification({ duplicateIntervalMs: INTERVAL, ...other })]]).outcomes;
      if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
      return outcome.results[0] as AcceptResult;
    };
    return { one, writer, db };
  }

  test('a report delivered again gives the first one back, and nothing is written for it', () => {
    using place = new Place();
    const { one, db } = accept(place);
    const first = one({});
    const again = one({});
    expect([first.isDuplicate, again.isDuplicate]).toEqual([false, true]);
    expect(again.logbook).toEqual(first.logbook);
    expect(db.prepare('SELECT count(*) FROM logbooks').pluck().get()).toBe(1);
  });

  test('two equal reports in one turn are one', () => {
    using place = new Place();
    const { writer } = accept(place);
    const { outcomes } = writer.commit([[notification()], [notification()]]);
    const flags = outcomes.map((outcome) => outcome.ok && (outcome.results[0] as AcceptResult).isDuplicate);
    expect(flags).toEqual([false, true]);
  });

  test('a crash is known again among the crashes of many other instances of the host', () => {
    using place = new Place();
    const { one, writer } = accept(place);
    const crash = (n: number, generatedAt: number) =>
      notification({ type: 'VM', target: `instance:${n}`, payload: `{"i":${n}}`, generatedAt });
    const first = one(crash(0, 1_000));
    writer.commit([Array.from({ length: 300 }, (_, n) => crash(n + 1, 1_000 + n))]);
    expect(one(crash(0, 2_000))).toEqual({ logbook: first.logbook, isDuplicate: true });
    expect(one(crash(0, 1_000))).toEqual({ logbook: first.logbook, isDuplicate: true });
    expect(one(crash(300, 9_000)).isDuplicate).toBe(true);
  });

  test('a report that is known from long ago is known although a thousand came since', () => {
    using place = new Place();
    const { one, writer } = accept(place);
    const first = one({ status: 'ignored' });
    const since = Array.from({ length: 1_000 }, (_, n) =>
      notification({ payload: `{"event":"${n}"}`, generatedAt: 10_000 + n, status: 'ignored' }),
    );
    writer.commit([since]);
    expect(one({ status: 'ignored' })).toEqual({ logbook: first.logbook, isDuplicate: true });
  });
});
