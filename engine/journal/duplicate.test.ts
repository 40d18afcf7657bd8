import { describe, expect, test } from 'vitest';
import { notification, Place } from '#test/journal/place.ts';
import { findDuplicate, type Report } from './duplicate.ts';
import type { AcceptNotification, AcceptResult } from './mutations.ts';
import type { LogbookRow, LogbookStatus, NotificationType } from './words.ts';

const MINUTE = 60_000;
const INTERVAL = 3 * MINUTE;

/** `STOPPED@10 finished@14`: generated in minute 10, closed as finished in minute 14; without an end it is open. */
function earlier(type: NotificationType, told: string): LogbookRow {
  const [what = '', end] = told.split(' ');
  const [payload = '', at] = what.split('@');
  const [status, closed] = end?.split('@') ?? ['running', undefined];
  return {
    id: Number(at),
    uuid: told,
    type,
    host: 'h',
    target: 't',
    payload: JSON.stringify({ event: payload }),
    generated_at: Number(at) * MINUTE,
    accepted_at: Number(at) * MINUTE,
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
    follow_ups: 0,
  };
}

function report(type: NotificationType, told: string): Report {
  const [payload = '', at] = told.split('@');
  return { type, host: 'h', payload: JSON.stringify({ event: payload }), generatedAt: Number(at) * MINUTE };
}

describe('findDuplicate', () => {
  test.each<[string, NotificationType, string, string[], string | undefined]>([
    // The sentence, the type, the report, what was heard before (newest first), which of it the report repeats.
    ['the first report of all', 'COMPUTE_HOST', 'STOPPED@10', [], undefined],
    ['redelivered while it is worked on', 'COMPUTE_HOST', 'STOPPED@10', ['STOPPED@10'], 'STOPPED@10'],
    ['redelivered days later', 'COMPUTE_HOST', 'STOPPED@10', ['STOPPED@10 finished@14'], 'STOPPED@10 finished@14'],
    ['redelivered after its recovery failed', 'VM', 'CRASH@10', ['CRASH@10 failed@14'], 'CRASH@10 failed@14'],
    [
      'redelivered after others',
      'COMPUTE_HOST',
      'STOPPED@1',
      ['STARTED@9 ignored@9', 'STOPPED@1 failed@2'],
      'STOPPED@1 failed@2',
    ],
    ['said again by another monitor, still open', 'COMPUTE_HOST', 'STOPPED@20', ['STOPPED@10'], 'STOPPED@10'],
    ['said again while the first waits for its next attempt', 'VM', 'CRASH@20', ['CRASH@10 error'], 'CRASH@10 error'],
    [
      'made before the recovery of the first had finished, delivered after it',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STOPPED@10 finished@14'],
      'STOPPED@10 finished@14',
    ],
    ['the same of an instance', 'VM', 'CRASH@12', ['CRASH@10 finished@14'], 'CRASH@10 finished@14'],
    [
      'a host, finished within the interval, nothing else heard',
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
      'a host that came back in between',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STARTED@11 finished@11', 'STOPPED@10 finished@10.5'],
      undefined,
    ],
    [
      'a host that came back in between, the news of it late',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STOPPED@10 finished@10.5', 'STARTED@11 finished@11'],
      'STOPPED@10 finished@10.5',
    ],
    ['a host whose recovery failed', 'COMPUTE_HOST', 'STOPPED@12', ['STOPPED@10 failed@11'], undefined],
    [
      'a host ignored within the interval',
      'COMPUTE_HOST',
      'STOPPED@12',
      ['STOPPED@10 ignored@10'],
      'STOPPED@10 ignored@10',
    ],
    ['a second crash of an instance that was recovered', 'VM', 'CRASH@12', ['CRASH@10 finished@11'], undefined],
    ['a crash of another instance', 'VM', 'CRASH-b@12', ['CRASH-a@10'], undefined],
    ['a crash of an instance whose recovery failed', 'VM', 'CRASH@12', ['CRASH@10 failed@11'], undefined],
    ['an instance ignored within the interval', 'VM', 'CRASH@12', ['CRASH@10 ignored@10'], 'CRASH@10 ignored@10'],
    ['an instance ignored, the interval is over', 'VM', 'CRASH@13', ['CRASH@10 ignored@10'], undefined],
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
      'a failure of before the return, said again by another monitor',
      'COMPUTE_HOST',
      'STOPPED@10.5',
      ['STARTED@11', 'STOPPED@10'],
      'STOPPED@10',
    ],
    [
      'a return, said again by another monitor',
      'COMPUTE_HOST',
      'STARTED@12',
      ['STARTED@11', 'STOPPED@10'],
      'STARTED@11',
    ],
    ['another event of the host', 'COMPUTE_HOST', 'STARTED@12', ['STOPPED@10'], undefined],
  ])('%s', (_, type, told, before, expected) => {
    const rows = before.map((one) => earlier(type, one));
    expect(findDuplicate(report(type, told), rows, INTERVAL)?.uuid).toBe(expected);
  });

  test('asks reports of the same type and host alone', () => {
    const rows = [earlier('PROCESS', 'STOPPED@10'), { ...earlier('COMPUTE_HOST', 'STOPPED@10'), host: 'other' }];
    expect(findDuplicate(report('COMPUTE_HOST', 'STOPPED@10'), rows, INTERVAL)).toBeUndefined();
  });
});

describe('accepted through the journal', () => {
  function accept(place: Place) {
    const { writer, db } = place.reign();
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
