import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NOTIFICATION_STATUSES } from '#protocol/notification-status.ts';
import { notification, Place } from '#test/journal/place.ts';
import type { Mutation } from './mutations.ts';
import { QUERIES } from './queries.ts';
import type { LogbookStatus } from './rows.ts';

/** What a history does: through the writer, or past it. */
type Act =
  | { readonly act: 'accept'; readonly status: 'new' | 'ignored' | 'finished'; readonly host: number }
  | { readonly act: 'change'; readonly which: number; readonly to: LogbookStatus }
  | { readonly act: 'refused'; readonly which: number }
  | { readonly act: 'prune'; readonly which: number };

const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    act: fc.constant('accept' as const),
    status: fc.constantFrom('new' as const, 'ignored' as const, 'finished' as const),
    host: fc.nat(3),
  }),
  fc.record({ act: fc.constant('change' as const), which: fc.nat(20), to: fc.constantFrom(...NOTIFICATION_STATUSES) }),
  fc.record({ act: fc.constant('refused' as const), which: fc.nat(20) }),
  fc.record({ act: fc.constant('prune' as const), which: fc.nat(20) }),
);

function counted(db: Database.Database): Record<string, number> {
  const rows = db
    .prepare<[], { status: string; n: number }>('SELECT status, count(*) AS n FROM logbooks GROUP BY status')
    .all();
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}

test('after any history the counters are what counting gives', () => {
  fc.assert(
    fc.property(fc.array(acts, { maxLength: 60 }), (history) => {
      using place = new Place();
      const { db, writer } = place.term();
      const uuids: string[] = [];
      for (const [at, step] of history.entries()) {
        const uuid = 'which' in step ? (uuids[step.which % Math.max(1, uuids.length)] ?? 'none') : `report-${at}`;
        const change = (to: LogbookStatus, of = uuid): Mutation => ({ op: 'logbook', uuid: of, status: to, at });
        if (step.act === 'accept') {
          const host = `compute-${step.host}`;
          uuids.push(uuid);
          writer.commit([
            [
              notification({
                uuid,
                host,
                target: `host:${host}`,
                payload: JSON.stringify({ at }),
                status: step.status,
                at,
              }),
            ],
          ]);
        } else if (step.act === 'change') writer.commit([[change(step.to)]]);
        // A request whose second half fails leaves nothing, in the counters either.
        else if (step.act === 'refused') writer.commit([[change('failed'), change('new', 'nobody')]]);
        else db.prepare('DELETE FROM logbooks WHERE uuid = ? AND closed_at IS NOT NULL').run(uuid);
        expect(QUERIES.summary(db).counts).toEqual(counted(db));
      }
    }),
    { numRuns: 40, seed: 9 },
  );
});
