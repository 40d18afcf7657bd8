import { describe, expect, test } from 'vitest';
import { healthOf } from './blind-decision.ts';
import { LatestFacts } from './latest-facts.ts';
import { MASAKARI_MATRIX, PACEMAKER_FENCED, type Policy } from './policy.ts';
import type { Fact, Network } from './sources/source.ts';
import { decide } from './state-decision.ts';

const fact = (source: Fact['source'], host: string, state: Fact['state'], more: Partial<Fact> = {}): Fact => ({
  ...{ source, host, state: state, at: 1, detail: `${source} ${state}` },
  ...more,
});
const health = (latest: LatestFacts, policy: Policy) => healthOf(latest, policy, undefined, 1);
const ALL: readonly Network[] = ['management', 'tenant', 'storage'];

describe('with Pacemaker', () => {
  test('the monitor waits for it, and is blind without it, for any state of other sources', () => {
    const latest = new LatestFacts(['pacemaker', 'ping']);
    latest.put('ping', [fact('ping', 'a', 'up')]);
    expect(health(latest, PACEMAKER_FENCED)).toEqual({ is: 'waiting' });
    latest.cannotSee('pacemaker', 'no response');
    expect(health(latest, PACEMAKER_FENCED)).toEqual({ is: 'blind', reason: 'Pacemaker: no response' });
  });

  test('it is not blind without another source', () => {
    const latest = new LatestFacts(['pacemaker', 'ping']);
    latest.put('pacemaker', [fact('pacemaker', 'a', 'up'), fact('pacemaker', 'b', 'unknown')]);
    latest.cannotSee('ping', 'not allowed');
    expect(health(latest, PACEMAKER_FENCED)).toEqual({ is: 'seeing' });
  });

  test('it is blind if Pacemaker has no state of any host', () => {
    const latest = new LatestFacts(['pacemaker']);
    latest.put('pacemaker', [fact('pacemaker', 'a', 'unknown')]);
    expect(health(latest, PACEMAKER_FENCED)).toMatchObject({
      reason: 'Pacemaker has no state of any host: pacemaker unknown',
    });
  });

  test('no matrix starts anything while Pacemaker is blind, not even a row without proof', () => {
    const policy: Policy = {
      name: 'matrix',
      networks: ['storage'],
      rows: [{ health: ['down'], action: 'recovery', proof: 'none' }],
    };
    const latest = new LatestFacts(['pacemaker', 'ping', 'ipmi']);
    latest.put('ping', [fact('ping', 'a', 'down', { network: 'storage' })]);
    latest.put('ipmi', [fact('ipmi', 'a', 'down', { proof: 'power off' })]);
    expect(decide(latest.facts(), policy, 1).state).toBe('unknown');
    latest.cannotSee('pacemaker', 'no response');
    expect(decide(latest.facts(), policy, 1)).toMatchObject({ state: 'unknown', reason: 'no response' });
    latest.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
    expect(decide(latest.facts(), policy, 1).state).toBe('dead');
  });
});

describe('with a matrix', () => {
  test('the monitor is blind if every source is blind', () => {
    const latest = new LatestFacts(['ping', 'consul']);
    latest.cannotSee('ping', 'not allowed');
    expect(health(latest, MASAKARI_MATRIX)).toEqual({ is: 'waiting' });
    latest.cannotSee('consul', 'no response');
    expect(health(latest, MASAKARI_MATRIX)).toEqual({ is: 'blind', reason: 'ping: not allowed; consul: no response' });
  });

  test('it is blind if the networks that decide are unknown for every host', () => {
    const latest = new LatestFacts(['consul', 'ipmi']);
    latest.put('consul', [fact('consul', 'a', 'up', { network: 'management' })]);
    latest.put('ipmi', [fact('ipmi', 'a', 'unknown')]);
    expect(health(latest, MASAKARI_MATRIX)).toEqual({
      is: 'blind',
      reason: 'no state of any host is known, a: management up, tenant unknown, storage unknown',
    });
    latest.put('consul', [
      ...ALL.map((network) => fact('consul', 'a', 'up', { network })),
      fact('consul', 'b', 'unknown', { network: 'storage' }),
    ]);
    expect(health(latest, MASAKARI_MATRIX)).toEqual({ is: 'seeing' });
  });
});
