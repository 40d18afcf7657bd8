import { describe, expect, test } from 'vitest';
import { type Caller, LOCAL_CALLER } from '#protocol/caller.ts';
import type { Peer } from '#protocol/server.ts';
import { Introductions } from './introductions.ts';
import { localUser } from './local-user.ts';

const ANNA = { uid: 1000, user: 'anna', sudo_uid: null, sudo_user: null };

function peer(caller: Caller): Peer {
  return { caller, signal: new AbortController().signal, notify: () => {}, subscribe: () => {} };
}

describe('an introduction', () => {
  test('names the user of its connection, and of no other', () => {
    const introductions = new Introductions();
    const [first, second] = [peer(LOCAL_CALLER), peer(LOCAL_CALLER)];
    introductions.take(first, ANNA);
    expect(introductions.originOf(first, 'why')).toEqual({ caller: LOCAL_CALLER, user: ANNA, reason: 'why' });
    expect(introductions.originOf(second)).toEqual({ caller: LOCAL_CALLER, user: null, reason: null });
  });

  test.each([
    { identity: 'c1', host: null, roles: ['host'], address: '10.0.0.1' },
    { identity: 'local', host: null, roles: ['operator'], address: '10.0.0.1' },
  ] as const)('is refused from another node: $identity', (caller) => {
    const introductions = new Introductions();
    const remote = peer(caller);
    expect(() => introductions.take(remote, ANNA)).toThrow('only connections of the unix socket');
    expect(introductions.originOf(remote).user).toBeNull();
  });
});

test('a reason is the word of an operator, and dropped from any other peer', () => {
  const host = peer({ identity: 'c1', host: null, roles: ['host', 'watcher'], address: '10.0.0.1' });
  const operator = peer({ identity: 'admin', host: null, roles: ['operator'], address: '10.0.0.2' });
  const introductions = new Introductions();
  expect(introductions.originOf(host, 'why').reason).toBeNull();
  expect(introductions.originOf(operator, 'why').reason).toBe('why');
});

test('the local user is the one of the process, with who called sudo', () => {
  expect(localUser({})).toMatchObject({ uid: process.getuid?.(), sudo_uid: null, sudo_user: null });
  expect(localUser({ SUDO_UID: '1000', SUDO_USER: 'anna' })).toMatchObject({ sudo_uid: 1000, sudo_user: 'anna' });
  expect(localUser({ SUDO_UID: 'x1', SUDO_USER: '' })).toMatchObject({ sudo_uid: null, sudo_user: null });
});
