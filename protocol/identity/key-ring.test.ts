import { describe, expect, test } from 'vitest';
import { heartbeatKey } from './derive.ts';
import { formatHostKey, parseHostKey } from './host-key.ts';
import {
  formatKeyRing,
  issue,
  keyOf,
  newKeyRing,
  parseKeyRing,
  retirePrevious,
  revoke,
  rotate,
  whyRefused,
} from './key-ring.ts';
import { formatPskName, parsePskName } from './psk-name.ts';

const NOW = '2026-11-29T00:00:00Z';
const HOST = { watcher: false, now: NOW };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a key ring is read as it was written, and has the keys that it issued', () => {
  const { ring, key } = issue(rotate(newKeyRing(NOW), NOW), 'compute-1', HOST);
  const read = parseKeyRing(bytes(formatKeyRing(ring)));
  expect(read).toEqual(ring);
  expect(keyOf(read, key)).toEqual(key.key);
  expect(whyRefused(read, key)).toBeUndefined();
  expect(parseHostKey(bytes(formatHostKey(key)))).toEqual(key);
});

test('no two hosts, generations, serials or purposes have one key, and names are compared without case', () => {
  const first = newKeyRing(NOW);
  const second = rotate(first, NOW);
  const keys = [
    issue(first, 'compute-1', HOST).key,
    issue(first, 'compute-2', HOST).key,
    issue(second, 'compute-1', HOST).key,
    issue(revoke(issue(first, 'compute-1', HOST).ring, 'compute-1', NOW), 'compute-1', HOST).key,
  ];
  const all = keys.flatMap(({ key, heartbeat }, index) => (index < 3 ? [key, heartbeat] : [key]));
  expect(new Set(all.map((key) => key.toString('hex'))).size).toBe(all.length);
  expect(issue(first, 'Compute-1', HOST).key.key).toEqual(keys[0]?.key);
});

test('a watcher derives the heartbeat key of every host, and no key for TLS', () => {
  const ring = newKeyRing(NOW);
  const watcher = issue(ring, 'controller-1', { watcher: true, now: NOW }).key;
  const host = issue(ring, 'compute-1', HOST).key;
  const [watched] = watcher.watched;
  expect(watched && heartbeatKey(watched.heartbeats, 'compute-1')).toEqual(host.heartbeat);
  expect(host.watched).toEqual([]);
  expect(watcher.watched.map(({ heartbeats }) => heartbeats)).not.toContainEqual(host.key);
});

describe('a copy of the ring that another controller changed since', () => {
  test('accepts keys whose issue it does not have, and renewed ones; never revoked ones', () => {
    const old = issue(newKeyRing(NOW), 'compute-1', HOST).ring;
    const revoked = revoke(old, 'compute-1', NOW);
    const renewed = issue(revoked, 'compute-1', HOST).key;
    expect(whyRefused(old, renewed)).toBeUndefined();
    expect(whyRefused(old, issue(old, 'compute-9', HOST).key)).toBeUndefined();
    expect(whyRefused(revoked, { ...renewed, serial: 1 })).toBe('its key is revoked');
    expect(whyRefused(revoked, { ...renewed, host: 'COMPUTE-1', serial: 1 })).toBe('its key is revoked');
  });

  test('refuses keys of a generation that it does not have, and distinguishes a newer one from a retired one', () => {
    const old = newKeyRing(NOW);
    const rotated = retirePrevious(rotate(old, NOW));
    expect(whyRefused(old, issue(rotated, 'compute-1', HOST).key)).toMatch(
      /newer than the key ring here; copy the ring/,
    );
    expect(whyRefused(rotated, issue(old, 'compute-1', HOST).key)).toMatch(
      /of a generation that is not valid any more/,
    );
  });
});

test.each([
  'compute-1',
  'compute-1/1',
  'compute-1/0/1',
  'compute-1/1/0',
  'compute-1/1/1/1',
  '/1/1',
  '-x/1/1',
  'a b/1/1',
  'compute-1/1/1\n',
  'x'.repeat(300),
])('%j names no key', (text) => {
  expect(parsePskName(text)).toBeUndefined();
});

test('the name of a key is read as it was written', () => {
  const key = { host: 'compute-1.example.org', generation: 12, serial: 3 };
  expect(parsePskName(formatPskName(key))).toEqual(key);
});

test.each([
  ['no JSON', 'x', 'it holds no JSON'],
  ['of another kind', '{"kind":"recovery-agent host key"}', '(kind)'],
  ['without a master', JSON.stringify({ ...newKeyRing(NOW), generations: [] }), '(generations)'],
])('a key ring that is %s is refused, and no message has its content', (_, text, message) => {
  expect(() => parseKeyRing(bytes(text))).toThrow(message);
});

test.each(['', 'k'.repeat(64), '[]', 'null', '{}'])('%j is no key of a host', (text) => {
  expect(parseHostKey(bytes(text))).toBeUndefined();
});

test('a damaged key of a host is refused', () => {
  const { key } = issue(newKeyRing(NOW), 'compute-1', HOST);
  const text = formatHostKey(key).replace(key.key.toString('base64'), 'c2hvcnQ=');
  expect(() => parseHostKey(bytes(text))).toThrow('it holds no complete "recovery-agent host key" of version 1');
});
