import { describe, expect, test } from 'vitest';
import type { Packet } from './packet.ts';
import { HeartbeatRegister, type Taken } from './register.ts';

const RULE = { timeoutMs: 20_000, clockSkewMs: 60_000, massSilencePercent: 50, maxHosts: 20 };
const SECOND = 1000;
/** The clock of the watcher at its second 0. */
const UTC = 1_795_000_000_000;

class Watcher {
  readonly register: HeartbeatRegister;

  constructor(expected: readonly string[] = []) {
    this.register = new HeartbeatRegister(RULE, expected, 0);
  }

  /** A packet that arrives in this second; its time and sequence are this second too, unless set otherwise. */
  receives(second: number, host: string, change: Partial<Packet> & { readonly skewed?: number } = {}): Taken {
    const { skewed = 0, ...other } = change;
    const packet: Packet = {
      kind: 'beat',
      time: UTC + (second + skewed) * SECOND,
      bootId: 'a',
      sequence: BigInt(second),
      host,
      ...other,
    };
    return this.register.take(packet, second * SECOND, UTC + second * SECOND);
  }

  state(second: number): Record<string, string> {
    const decisions = this.register.decisions(second * SECOND);
    return Object.fromEntries(decisions.map(({ host, state, detail }) => [host, `${state}: ${detail}`]));
  }
}

describe('a host', () => {
  test('is up after a heartbeat, and down after the timeout', () => {
    const watcher = new Watcher();
    watcher.receives(1, 'h');
    expect(watcher.state(21)).toEqual({ h: 'up: heartbeat' });
    expect(watcher.state(22)).toEqual({ h: 'down: no heartbeat for more than 20 s' });
    watcher.receives(23, 'h');
    expect(watcher.state(23)).toEqual({ h: 'up: heartbeat' });
  });

  test('of the inventory without any heartbeat is unknown, and down after the timeout', () => {
    const watcher = new Watcher(['h', 'other']);
    watcher.receives(15, 'other');
    expect(watcher.state(20)).toEqual({ h: 'unknown: no heartbeat received yet', other: 'up: heartbeat' });
    expect(watcher.state(21)).toEqual({ h: 'down: no heartbeat ever received', other: 'up: heartbeat' });
  });

  test('of the inventory is unknown while no heartbeat of any host was received', () => {
    const watcher = new Watcher(['h']);
    expect(watcher.state(1000)).toEqual({ h: 'unknown: no heartbeat of any host received' });
    expect(watcher.receives(1001, 'other', { skewed: 100 })).toBe('wrong clock');
    expect(watcher.state(1001)).toEqual({ h: 'unknown: no heartbeat of any host received' });
  });

  test('that is not in the inventory is not expected', () => {
    expect(new Watcher().state(100)).toEqual({});
  });

  test('that sent a goodbye is leaving, for any time, until its next heartbeat', () => {
    const watcher = new Watcher();
    watcher.receives(1, 'h');
    watcher.receives(2, 'h', { kind: 'goodbye' });
    expect(watcher.receives(3, 'h', { sequence: 1n })).toBe('replayed');
    expect(watcher.state(1000)).toEqual({ h: 'leaving: sent a goodbye' });
    watcher.receives(1001, 'h', { bootId: 'b', sequence: 1n });
    expect(watcher.state(1001)).toEqual({ h: 'up: heartbeat' });
    expect(watcher.state(1022)).toEqual({ h: 'down: no heartbeat for more than 20 s' });
  });

  test('is not silent during a time in which the monitor did not listen', () => {
    const watcher = new Watcher();
    watcher.receives(1, 'h');
    watcher.register.listeningFrom(100 * SECOND);
    expect(watcher.state(101)).toEqual({ h: 'unknown: no heartbeat since this monitor listens again' });
    expect(watcher.state(121)).toEqual({ h: 'down: no heartbeat for more than 20 s' });
  });
});

describe('a packet', () => {
  test('counts once: the same, an older one and one of an earlier boot keep no host up', () => {
    const watcher = new Watcher();
    watcher.receives(9, 'h');
    watcher.receives(10, 'h', { bootId: 'b', sequence: 1n });
    expect(watcher.receives(11, 'h', { bootId: 'b', sequence: 1n })).toBe('repeated');
    expect(watcher.receives(12, 'h', { bootId: 'b', sequence: 0n })).toBe('replayed');
    expect(watcher.receives(13, 'h', { sequence: 9n, time: UTC + 9 * SECOND })).toBe('replayed');
    expect(watcher.receives(14, 'h', { sequence: 10n, time: UTC + 10 * SECOND })).toBe('replayed');
    expect(watcher.state(31)).toEqual({ h: 'down: no heartbeat for more than 20 s' });
  });

  test('of the next boot counts, although its sequence restarts', () => {
    const watcher = new Watcher();
    watcher.receives(10, 'h', { sequence: 1_000_000n });
    expect(watcher.receives(40, 'h', { bootId: 'b', sequence: 3n })).toBe('new');
  });

  test('from a clock that differs a little counts', () => {
    const watcher = new Watcher();
    expect(watcher.receives(1, 'fast', { skewed: 59 })).toBe('new');
    expect(watcher.receives(1, 'slow', { skewed: -59 })).toBe('new');
  });

  test('from a clock that is wrong makes the host unknown, not up and not down', () => {
    const watcher = new Watcher(['h']);
    expect(watcher.receives(10, 'h', { skewed: -3600 })).toBe('wrong clock');
    expect(watcher.state(25)).toEqual({ h: 'unknown: its heartbeats are refused: its clock is 3600 s slow' });
    expect(watcher.receives(29, 'h', { skewed: -3619, sequence: 10n })).toBe('replayed');
    expect(watcher.state(31)).toEqual({ h: 'down: no heartbeat ever received' });
  });

  test('captured long ago does not make a host known', () => {
    const watcher = new Watcher();
    expect(watcher.receives(10, 'gone', { skewed: -3600 })).toBe('wrong clock');
    expect(watcher.state(100)).toEqual({});
  });

  test('with another spelling of a name belongs to the same host: one host cannot become many, whose silence would hide the death of others', () => {
    const watcher = new Watcher(['Compute-1', 'compute-2']);
    watcher.receives(1, 'compute-2');
    for (const [index, name] of ['compute-1', 'COMPUTE-1', 'cOmPuTe-1', 'compute-1.'].entries()) {
      expect(watcher.receives(index + 1, name)).toBe('new');
    }
    expect(watcher.register.size).toBe(2);
    expect(watcher.register.nameOf('compute-1.')).toBe('Compute-1');
    for (let second = 2; second <= 20; second += 2) watcher.receives(second, 'compute-2');
    expect(watcher.receives(3, 'COMPUTE-1')).toBe('replayed');
  });

  test('of one host more than can be remembered is refused', () => {
    const watcher = new Watcher(Array.from({ length: RULE.maxHosts }, (_, n) => `h${n}`));
    expect(watcher.receives(1, 'new')).toBe('too many hosts');
    expect(watcher.receives(1, 'h1')).toBe('new');
  });
});

describe('most hosts fall silent together', () => {
  const hosts = Array.from({ length: 10 }, (_, n) => `h${n}`);

  /** The last heartbeats arrive within one interval of two seconds, before the cut at second 10. */
  function cut(count: number): Watcher {
    const watcher = new Watcher();
    for (const [index, host] of hosts.entries()) watcher.receives(index % 2 === 0 ? 9 : 10, host);
    for (const host of hosts.slice(count)) watcher.receives(30, host);
    return watcher;
  }
  const states = (watcher: Watcher, second: number) =>
    [...new Set(Object.values(watcher.state(second)).map((text) => text.split(':')[0]))].sort();

  test('no host becomes down, not even the first, and not later either', () => {
    const watcher = cut(10);
    expect(states(watcher, 29)).toEqual(['up']);
    expect(states(watcher, 29.5)).toEqual(['unknown', 'up']);
    expect(states(watcher, 31)).toEqual(['unknown']);
    expect(states(watcher, 100_000)).toEqual(['unknown']);
    expect(watcher.state(31).h0).toBe('unknown: mass silence: 10 of 10 hosts fell silent together');
  });

  test('six of ten are most', () => {
    expect(states(cut(6), 40)).toEqual(['unknown', 'up']);
  });

  test('five of ten are not', () => {
    expect(states(cut(5), 40)).toEqual(['down', 'up']);
  });

  test('those that stay silent when the others return are down', () => {
    const watcher = cut(10);
    for (const host of hosts.slice(2)) watcher.receives(60, host);
    expect(watcher.state(61)).toMatchObject({
      h0: 'down: no heartbeat for more than 20 s',
      h1: 'down: no heartbeat for more than 20 s',
      h2: 'up: heartbeat',
    });
  });

  test('from the start on: a silent inventory is no mass death', () => {
    expect(states(new Watcher(hosts), 100)).toEqual(['unknown']);
  });
});
