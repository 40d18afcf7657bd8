import { describe, expect, test } from 'vitest';
import { notification, Place } from '#test/journal/place.ts';
import { boundedJson, MAX_DECISIONS } from './decisions.ts';
import type { AcceptResult, AddDecision } from './mutations.ts';
import { QUERIES } from './queries.ts';
import { MAX_FACTS_BYTES } from './schema-decisions.ts';

const UUID = 'report-of-this-test';

function accepted(place: Place) {
  const { db, writer } = place.term();
  db.pragma('synchronous = OFF');
  const write = (...mutations: Parameters<typeof writer.commit>[0][number]): readonly unknown[] => {
    const [outcome] = writer.commit([mutations]).outcomes;
    if (!outcome?.ok) throw outcome?.error ?? new Error('no outcome');
    return outcome.results;
  };
  const [{ logbook }] = write(notification({ uuid: UUID, facts: { identity: 'c9' } })) as [AcceptResult];
  return { db, write, rows: () => QUERIES.decisions(db, logbook.id) };
}

const decision = (other: Partial<AddDecision> = {}): AddDecision => ({
  op: 'decision',
  uuid: UUID,
  kind: 'gate',
  outcome: 'hold',
  rule: 'pause',
  reason: 'r',
  facts: {},
  at: 2_000,
  ...other,
});

const courseOf = (rows: readonly { readonly kind: string; readonly outcome: string; readonly rule: string | null }[]) =>
  rows.map(({ kind, outcome, rule }) => `${kind} ${outcome} ${rule}`);

describe('a decision', () => {
  test('about a report is written by its acceptance, with the facts; a duplicate is one if its proof is stronger', () => {
    using place = new Place();
    const { write, rows } = accepted(place);
    write(notification({ uuid: 'other' }));
    write(notification({ uuid: 'other', proof: 'fencing', facts: { identity: 'c8' } }));
    write(notification({ uuid: 'other', proof: 'fencing' }));
    expect(rows()).toMatchObject([
      { kind: 'acceptance', outcome: 'accepted', facts: '{"identity":"c9"}', epoch: 1, times: 1 },
      {
        kind: 'acceptance',
        outcome: 'duplicate',
        facts: '{"identity":"c8"}',
        reason: expect.stringContaining('fencing'),
      },
    ]);
  });

  test('is not on the disk if its effect is refused', () => {
    using place = new Place();
    const { write, rows } = accepted(place);
    expect(() =>
      write({ op: 'logbook', uuid: UUID, status: 'new', from: 'failed', at: 2_000 }, decision({ outcome: 'pass' })),
    ).toThrow();
    expect(() => write(decision(), { op: 'logbook', uuid: 'unknown', status: 'new', at: 2_000 })).toThrow();
    expect(rows()).toHaveLength(1);
  });

  test('that repeats the previous one is no row, with a duplicate of the report in between too; another gate is', () => {
    using place = new Place();
    const { write, rows } = accepted(place);
    for (let n = 0; n < 5; n += 1) write(decision({ at: 2_000 + n }));
    write(notification({ uuid: 'other', proof: 'fencing' }));
    write(decision());
    write(decision({ rule: 'failed-hosts' }));
    write(decision({ rule: 'pause' }));
    write(decision({ outcome: 'pass', rule: null }));
    expect(courseOf(rows().filter(({ kind }) => kind === 'gate'))).toEqual([
      'gate hold pause',
      'gate hold failed-hosts',
      'gate hold pause',
      'gate pass null',
    ]);
  });

  test('that is not about a start is a row each time', () => {
    using place = new Place();
    const { write, rows } = accepted(place);
    const resumed = decision({ kind: 'engine_failure', outcome: 'resume', rule: 'resume' });
    write(resumed, resumed);
    expect(rows()).toHaveLength(3);
  });
});

test('a gate that opens and closes for ever keeps a limited number of rows, the first and the newest, and counts the others', () => {
  using place = new Place();
  const { write, rows } = accepted(place);
  write(decision({ rule: 'failed-hosts' }));
  const rounds = 400;
  for (let n = 0; n < rounds; n += 1) {
    write(decision({ at: 3_000 + n }), decision({ outcome: 'pass', rule: null, at: 3_000 + n }));
  }
  const kept = rows();
  expect(kept).toHaveLength(MAX_DECISIONS);
  expect(courseOf(kept.slice(0, 4))).toEqual([
    'acceptance accepted null',
    'gate hold failed-hosts',
    'gate hold pause',
    'gate pass null',
  ]);
  expect(kept[2]?.at).toBe(3_000);
  expect(kept.at(-1)?.at).toBe(3_000 + rounds - 1);
  expect(kept.reduce((sum, { times }) => sum + times, 0)).toBe(2 + 2 * rounds);
});

describe('the facts of a decision', () => {
  test('are whole up to the limit', () => {
    expect(boundedJson({ a: [1, 2], b: null })).toBe('{"a":[1,2],"b":null}');
  });

  test('beyond it are without the longest, which are named', () => {
    const long = 'ü'.repeat(MAX_FACTS_BYTES);
    const json = boundedJson({ short: 1, long, list: Array<string>(900).fill('compute-1'), hosts: ['c1'] });
    expect(JSON.parse(json)).toEqual({ short: 1, hosts: ['c1'], left_out: ['long', 'list'] });
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_FACTS_BYTES);
  });

  test('are never longer than the file allows, also with many or long names', () => {
    const names = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`fact-${n}`, n]));
    for (const facts of [names, { ['n'.repeat(20_000)]: 1 }]) {
      expect(Buffer.byteLength(boundedJson(facts))).toBeLessThanOrEqual(MAX_FACTS_BYTES);
    }
  });
});
