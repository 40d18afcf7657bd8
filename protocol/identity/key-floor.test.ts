import { describe, expect, test } from 'vitest';
import { floorOf, parseKeyFloor, stricter, withFloor } from './key-floor.ts';
import { issue, type KeyRing, keyOf, newKeyRing, retirePrevious, revoke, rotate, whyRefused } from './key-ring.ts';

const NOW = '2026-11-29T00:00:00Z';
const issued = (ring: KeyRing, host: string) => issue(ring, host, { watcher: false, now: NOW });

const OLD = issued(newKeyRing(NOW), 'compute-1').ring;
const OLD_KEY = issued(OLD, 'compute-1').key;

describe('an older copy of the ring, with the floor that a newer one left', () => {
  test('accepts no key that was revoked since, but the one that was issued after it', () => {
    const revoked = revoke(OLD, 'compute-1', NOW);
    const renewed = issued(revoked, 'compute-1');
    const ring = withFloor(OLD, stricter(floorOf(OLD), floorOf(renewed.ring)));
    expect(whyRefused(OLD, OLD_KEY)).toBeUndefined();
    expect(whyRefused(ring, OLD_KEY)).toBe('its key is revoked');
    expect(whyRefused(ring, { ...OLD_KEY, host: 'COMPUTE-1' })).toBe('its key is revoked');
    expect(whyRefused(ring, renewed.key)).toBeUndefined();
    expect(keyOf(ring, renewed.key)).toEqual(renewed.key.key);
  });

  test('accepts no revoked key of a host that it does not have', () => {
    const elsewhere = issued(OLD, 'compute-9');
    const ring = withFloor(OLD, floorOf(revoke(elsewhere.ring, 'compute-9', NOW)));
    expect(whyRefused(ring, elsewhere.key)).toBe('its key is revoked');
    expect(whyRefused(ring, OLD_KEY)).toBeUndefined();
  });

  test('accepts no generation that was retired, and has none left if all are', () => {
    const rotated = retirePrevious(rotate(OLD, NOW));
    const ring = withFloor(OLD, floorOf(rotated));
    expect(ring.generations).toEqual([]);
    expect(whyRefused(ring, OLD_KEY)).toMatch(/generation/);
    expect(keyOf(ring, OLD_KEY)).toBeUndefined();
  });
});

test('a floor removes nothing from its own ring, and is the stricter one of two different copies', () => {
  const one = revoke(issued(OLD, 'compute-2').ring, 'compute-2', NOW);
  const other = revoke(OLD, 'compute-1', NOW);
  expect(withFloor(one, floorOf(one))).toEqual(one);
  const both = stricter(floorOf(one), floorOf(other));
  expect(both).toEqual(stricter(floorOf(other), floorOf(one)));
  expect(both.serials).toEqual({ 'compute-1': 2, 'compute-2': 2 });
  expect(parseKeyFloor(JSON.stringify(both))).toEqual(both);
  expect(JSON.stringify(both)).not.toContain('master');
});

test.each(['', '{}', '{"revision":0}', '[]'])('%j is no floor', (text) => {
  expect(parseKeyFloor(text)).toBeUndefined();
});
