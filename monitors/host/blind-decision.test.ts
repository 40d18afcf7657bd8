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
const health = (bmc: LatestFacts, policy: Policy) => healthOf(bmc, policy, undefined, 1);
const ALL: readonly Network[] = ['management', 'tenant', 'storage'];

describe('with Pacemaker', () => {
  test('the monitor waits for it, and is blind without it, for any state of other sources', () => {
    const bmc = new LatestFacts(['pacemaker', 'ping']);
    bmc.put('ping', [fact('ping', 'a', 'up')]);
    expect(health(bmc, PACEMAKER_FENCED)).toEqual({ is: 'waiting' });
    bmc.cannotSee('pacemaker', 'no response');
    expect(health(bmc, PACEMAKER_FENCED)).toEqual({ is: 'blind', reason: 'Pacemaker: no response' });
  });

  test('it is not blind without another source', () => {
    const bmc = new LatestFacts(['pacemaker', 'ping']);
    bmc.put('pacemaker', [fact('pacemaker', 'a', 'up'), fact('pacemaker', 'b', 'unknown')]);
    bmc.cannotSee('ping', 'not allowed');
    expect(health(bmc, PACEMAKER_FENCED)).toEqual({ is: 'seeing' });
  });

  test('it is blind if Pacemaker has no state of any host', () => {
    const bmc = new LatestFacts(['pacemaker']);
    bmc.put('pacemaker', [fact('pacemaker', 'a', 'unknown')]);
    expect(health(bmc, PACEMAKER_FENCED)).toMatchObject({
      reason: 'Pacemaker has no state of any host: pacemaker unknown',
    });
  });

  test('no matrix starts anything while Pacemaker is blind, not even a row without proof', () => {
    const policy: Policy = {
      name: 'matrix',
      networks: ['storage'],
      rows: [{ health: ['down'], action: 'recovery', proof: 'none' }],
    };
    const bmc = new LatestFacts(['pacemaker', 'ping', 'ipmi']);
    bmc.put('ping', [fact('ping', 'a', 'down', { network: 'storage' })]);
    bmc.put('ipmi', [fact('ipmi', 'a', 'down', { proof: 'power off' })]);
    expect(decide(bmc.facts(), policy, 1).state).toBe('unknown');
    bmc.cannotSee('pacemaker', 'no response');
    expect(decide(bmc.facts(), policy, 1)).toMatchObject({ state: 'unknown', reason: 'no response' });
    bmc.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
    expect(decide(bmc.facts(), policy, 1).state).toBe('dead');
  });
});

describe('with a matrix', () => {
  test('the monitor is blind if every source is blind', () => {
    const bmc = new LatestFacts(['ping', 'consul']);
    bmc.cannotSee('ping', 'not allowed');
    expect(health(bmc, MASAKARI_MATRIX)).toEqual({ is: 'waiting' });
    bmc.cannotSee('consul', 'no response');
    expect(health(bmc, MASAKARI_MATRIX)).toEqual({ is: 'blind', reason: 'ping: not allowed; consul: no response' });
  });

  test('it is blind if the networks that decide are unknown for every host', () => {
    const bmc = new LatestFacts(['consul', 'ipmi']);
    bmc.put('consul', [fact('consul', 'a', 'up', { network: 'management' })]);
    bmc.put('ipmi', [fact('ipmi', 'a', 'unknown')]);
    expect(health(bmc, MASAKARI_MATRIX)).toEqual({
      is: 'blind',
      reason: 'no state of any host is known, a: management up, tenant unknown, storage unknown',
    });
    bmc.put('consul', [
      ...ALL.map((network) => fact('consul', 'a', 'up', { network })),
      fact('consul', 'b', 'unknown', { network: 'storage' }),
    ]);
    expect(health(bmc, MASAKARI_MATRIX)).toEqual({ is: 'seeing' });
  });
});
