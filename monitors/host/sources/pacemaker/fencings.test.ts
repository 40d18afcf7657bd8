import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseCib } from './cib.ts';
import { type ClusterView, parseCrmMon } from './crm-mon.ts';
import { fencingsOf } from './fencings.ts';

const FIXTURES = new URL('../../../../test/fixtures/pacemaker/', import.meta.url);
const NOW = Date.parse('2026-11-21T15:00:00Z');
const read = (path: string) => readFileSync(new URL(path, FIXTURES), 'utf8');

function times(
  sample: string,
  node: string,
  state: 'up' | 'down' = 'up',
  change: (view: ClusterView) => ClusterView = (view) => view,
  now = NOW,
): string[] | undefined {
  const view = change(parseCrmMon(read(`${sample}/crm_mon.xml`)));
  const observation = { view, cib: parseCib(read(`${sample}/cib.xml`)), now };
  return fencingsOf(node, { state }, observation)?.map((at) => new Date(at).toISOString().slice(11, 19));
}

describe('the history of a node has', () => {
  test('every fencing of it that succeeded, and those of no other', () => {
    expect(times('all-online', 'n3')).toEqual(['08:13:35', '08:13:24', '08:12:28', '08:11:31']);
    expect(times('remote-daemon-killed', 'c2')).toEqual(['08:15:31']);
    expect(times('all-online', 'c1')).toEqual([]);
  });

  test('none that failed or is pending, and no confirmation of an operator', () => {
    expect(times('remote-fencing-failed', 'c2')).toEqual([]);
    expect(times('remote-fencing-confirmed-by-hand', 'c2')).toEqual([]);
  });

  test('none that has only just completed, while the node is still shown up', () => {
    const at = Date.parse('2026-11-21T08:15:31Z');
    expect(times('remote-daemon-killed', 'c2', 'up', undefined, at + 1_000)).toEqual([]);
    expect(times('remote-daemon-killed', 'c2', 'down', undefined, at + 1_000)).toEqual(['08:15:31']);
    expect(times('remote-daemon-killed', 'c2', 'up', undefined, at + 6_000)).toEqual(['08:15:31']);
  });
});

describe('the history is', () => {
  test('empty where the tool prints none', () => {
    expect(times('asked-on-a-remote-node', 'c1')).toEqual([]);
  });

  test('not known without quorum', () => {
    expect(times('inside-minority-partition', 'n3')).toBeUndefined();
    expect(times('all-online', 'n3', 'up', (view) => ({ ...view, hasQuorum: false }))).toBeUndefined();
  });

  test('not known while the fencer does not respond', () => {
    const xml = read('all-online/crm_mon.xml').replace(
      /<fence_history>.*<\/fence_history>/s,
      '<fence_history status="-61"/>',
    );
    expect(times('all-online', 'n3', 'up', () => parseCrmMon(xml))).toBeUndefined();
  });
});
