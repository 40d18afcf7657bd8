import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AuditView } from '#protocol/views.ts';
import { auditTable, whoOf } from './audit-table.ts';

const PAGE = readFileSync(new URL('../../docs/operate/audit.md', import.meta.url), 'utf8');

const ENTRY: AuditView = {
  time: '2026-11-21T08:05:44.646Z',
  kind: 'command',
  action: 'retry',
  identity: 'local',
  roles: ['operator'],
  address: null,
  uid: 0,
  user: 'root',
  sudo_uid: 1000,
  sudo_user: 'anna',
  notification_uuid: '00000000-0000-4000-8000-000000000000',
  object: 'c1',
  overridden: [],
  reason: null,
  outcome: 'accepted',
  message: null,
  times: 1,
  first_time: '2026-11-21T08:05:44.646Z',
  epoch: 3,
};

describe('who it was', () => {
  test.each<[Partial<AuditView>, string]>([
    [{}, 'root (sudo: anna)'],
    [{ sudo_user: null }, 'root (sudo: uid 1000)'],
    [{ sudo_user: null, sudo_uid: null }, 'root'],
    [{ user: null, uid: 4711, sudo_user: null, sudo_uid: null }, 'uid 4711'],
    [{ user: null, uid: null }, 'local'],
    [{ user: null, uid: null, identity: 'compute-7', address: '10.0.0.7' }, 'compute-7 (10.0.0.7)'],
  ])('%j', (other, who) => {
    expect(whoOf({ ...ENTRY, ...other })).toBe(who);
  });
});

test('a table has no control characters from outside, the number of equal refusals, and marks a missing reason', () => {
  const text = auditTable(
    [
      { ...ENTRY, object: 'c1\u001b[2J', overridden: ['host-is-down'] },
      { ...ENTRY, kind: 'refusal', outcome: 'refused', times: 15_000, message: 'a\nb' },
    ],
    'any',
  );
  expect(text).not.toContain('\u001b[2J');
  expect(text).not.toContain('a\nb');
  expect(text).toMatch(/host-is-down +\| no reason given/);
  expect(text).toContain('refused 15000×');
});

test('the page has every field of an entry, and no other', () => {
  const [, table = ''] = PAGE.split('## What an entry holds');
  const [rows = ''] = table.split('\n## ');
  const fields = rows
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(fields).toEqual(Object.keys(ENTRY));
});
