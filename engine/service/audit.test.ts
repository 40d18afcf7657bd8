import { describe, expect, test } from 'vitest';
import type { AddAuditEntry } from '#engine/journal/mutations.ts';
import type { Caller } from '#protocol/caller.ts';
import { Audit, MAX_GROUPS, MAX_GROUPS_OF_ONE, REFUSAL_INTERVAL_MS } from './audit.ts';

const C7: Caller = { identity: 'c7', host: null, roles: ['host'], address: '10.0.0.7' };
const FOREIGN = { action: 'notify', object: 'c1', reason: 'c7 may not report c1' };

/** An audit with a clock that stops until it is moved. */
function bench() {
  const clock = { time: 1_000, now: () => clock.time, boottime: () => clock.time };
  const lines: string[] = [];
  const written: AddAuditEntry[] = [];
  const audit = new Audit({
    clock,
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    journal: { write: async (...mutations) => void written.push(...(mutations as AddAuditEntry[])) },
  });
  return { audit, clock, lines, written };
}

describe('a refusal', () => {
  test('is logged at once, and is in the next entries with its origin', () => {
    const { audit, lines } = bench();
    const user = { uid: 1000, user: 'anna', sudo_uid: null, sudo_user: null };
    audit.refused(C7, { ...FOREIGN, user, statedReason: 'because' });
    expect(lines).toEqual([
      'warning audit: notify refused {"identity":"c7","roles":"host","address":"10.0.0.7","uid":1000,"user":"anna","sudo_uid":null,"sudo_user":null,"uuid":null,"object":"c1","reason":"because","message":"c7 may not report c1"}',
    ]);
    expect(audit.take('due')).toMatchObject([
      {
        kind: 'refusal',
        action: 'notify',
        origin: { caller: C7, user, reason: 'because' },
        object: 'c1',
        times: 1,
        at: 1_000,
      },
    ]);
    expect(audit.take('all')).toEqual([]);
  });

  test('that is repeated is one entry a minute with its number, and two lines', () => {
    const { audit, clock, lines } = bench();
    audit.refused(C7, FOREIGN);
    expect(audit.take('due')).toHaveLength(1);
    for (let n = 0; n < 15_000; n += 1) {
      clock.time += 2;
      audit.refused(C7, FOREIGN);
    }
    expect(audit.take('due')).toEqual([]);
    clock.time = 1_000 + REFUSAL_INTERVAL_MS;
    const entries = audit.take('due');
    expect(entries).toMatchObject([{ times: 15_000, firstAt: 1_002, at: 31_000 }]);
    expect(lines).toHaveLength(2);
    audit.onCommit(entries, [null]);
    expect(lines[2]).toContain('"times":15000');
  });

  test('is written within a minute however many others there are, and a quiet group is forgotten', () => {
    const { audit, clock } = bench();
    audit.refused(C7, FOREIGN);
    audit.take('due');
    for (let n = 0; n < MAX_GROUPS * 3; n += 1) audit.refused({ ...C7, identity: `other-${n}` }, FOREIGN);
    clock.time += 10_000;
    expect(audit.take('due')).toHaveLength(MAX_GROUPS);
    clock.time += REFUSAL_INTERVAL_MS;
    expect(audit.take('due')).toEqual([]);
    clock.time += 10_000;
    audit.refused({ ...C7, identity: 'new' }, FOREIGN);
    expect(audit.take('due')).toMatchObject([{ origin: { caller: { identity: 'new' } } }]);
  });

  test('of ever new reasons costs a bounded number of entries, and displaces no other identities', () => {
    const { audit } = bench();
    for (let n = 0; n < 1_000; n += 1) audit.refused(C7, { ...FOREIGN, reason: `c7 may not report c${n}` });
    audit.refused({ ...C7, identity: 'c8' }, FOREIGN);
    const entries = audit.take('due');
    expect(entries).toHaveLength(MAX_GROUPS_OF_ONE + 2);
    expect(entries[MAX_GROUPS_OF_ONE]).toMatchObject({
      origin: { caller: C7 },
      action: '(several)',
      message: 'further refusals of this identity',
      times: 1_000 - MAX_GROUPS_OF_ONE,
    });
  });

  test('of ever new identities costs a bounded number of entries and log lines', () => {
    const { audit, lines } = bench();
    for (let n = 0; n < 1_000; n += 1) audit.refused({ ...C7, identity: `c${n}` }, FOREIGN);
    const entries = audit.take('all');
    expect(entries).toHaveLength(MAX_GROUPS + 1);
    expect(entries.at(-1)).toMatchObject({ origin: { caller: { identity: '(several)' } }, times: 1_000 - MAX_GROUPS });
    expect(lines).toHaveLength(MAX_GROUPS + 1);
  });
});

test('a command without a change in the journal is an entry of its own', async () => {
  const { audit, written } = bench();
  await audit.commanded({ caller: C7, user: null, reason: 'to see more' }, 'set_log_level', { message: 'debug' });
  expect(written).toMatchObject([
    { op: 'audit', kind: 'command', action: 'set_log_level', outcome: 'accepted', message: 'debug', at: 1_000 },
  ]);
});
