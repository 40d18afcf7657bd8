import { describe, expect, test } from 'vitest';
import { healthOf } from './blind-decision.ts';
import { LatestFacts } from './latest-facts.ts';
import { MASAKARI_MATRIX, PACEMAKER_FENCED, type Policy } from './policy.ts';
import type { Fact, Network } from './sources/source.ts';
import { judge } from './state-decision.ts';

const fact = (source: Fact['source'], host: string, says: Fact['says'], more: Partial<Fact> = {}): Fact => ({
  ...{ source, host, says, at: 1, detail: `${source} ${says}` },
  ...more,
});
const health = (board: LatestFacts, policy: Policy) => healthOf(board, policy, undefined, 1);
const ALL: readonly Network[] = ['management', 'tenant', 'storage'];

describe('with Pacemaker', () => {
  test('the monitor waits for it, and is blind without it, for any state of other sources', () => {
    const board = new LatestFacts(['pacemaker', 'ping']);
    board.put('ping', [fact('ping', 'a', 'up')]);
    expect(health(board, PACEMAKER_FENCED)).toEqual({ is: 'waiting' });
    board.cannotSee('pacemaker', 'no response');
    expect(health(board, PACEMAKER_FENCED)).toEqual({ is: 'blind', reason: 'Pacemaker: no response' });
  });

  test('it is not blind without another source', () => {
    const board = new LatestFacts(['pacemaker', 'ping']);
    board.put('pacemaker', [fact('pacemaker', 'a', 'up'), fact('pacemaker', 'b', 'unknown')]);
    board.cannotSee('ping', 'not allowed');
    expect(health(board, PACEMAKER_FENCED)).toEqual({ is: 'seeing' });
  });

  test('it is blind if Pacemaker has no state of any host', () => {
    const board = new LatestFacts(['pacemaker']);
    board.put('pacemaker', [fact('pacemaker', 'a', 'unknown')]);
    expect(health(board, PACEMAKER_FENCED)).toMatchObject({
      reason: 'Pacemaker has no state of any host: pacemaker unknown',
    });
  });

  test('no matrix starts anything while Pacemaker is blind, not even a row without proof', () => {
    const policy: Policy = {
      name: 'matrix',
      networks: ['storage'],
      rows: [{ health: ['down'], action: 'recovery', proof: 'none' }],
    };
    const board = new LatestFacts(['pacemaker', 'ping', 'ipmi']);
    board.put('ping', [fact('ping', 'a', 'down', { network: 'storage' })]);
    board.put('ipmi', [fact('ipmi', 'a', 'down', { proof: 'power off' })]);
    expect(judge(board.facts(), policy, 1).state).toBe('unknown');
    board.cannotSee('pacemaker', 'no response');
    expect(judge(board.facts(), policy, 1)).toMatchObject({ state: 'unknown', reason: 'no response' });
    board.put('pacemaker', [fact('pacemaker', 'a', 'down')]);
    expect(judge(board.facts(), policy, 1).state).toBe('dead');
  });
});

describe('with a matrix', () => {
  test('the monitor is blind if every source is blind', () => {
    const board = new LatestFacts(['ping', 'consul']);
    board.cannotSee('ping', 'not allowed');
    expect(health(board, MASAKARI_MATRIX)).toEqual({ is: 'waiting' });
    board.cannotSee('consul', 'no response');
    expect(health(board, MASAKARI_MATRIX)).toEqual({ is: 'blind', reason: 'ping: not allowed; consul: no response' });
  });

  test('it is blind if the networks that decide are unknown for every host', () => {
    const board = new LatestFacts(['consul', 'ipmi']);
    board.put('consul', [fact('consul', 'a', 'up', { network: 'management' })]);
    board.put('ipmi', [fact('ipmi', 'a', 'unknown')]);
    expect(health(board, MASAKARI_MATRIX)).toEqual({
      is: 'blind',
      reason: 'no state of any host is known, a: management up, tenant unknown, storage unknown',
    });
    board.put('consul', [
      ...ALL.map((network) => fact('consul', 'a', 'up', { network })),
      fact('consul', 'b', 'unknown', { network: 'storage' }),
    ]);
    expect(health(board, MASAKARI_MATRIX)).toEqual({ is: 'seeing' });
  });
});
