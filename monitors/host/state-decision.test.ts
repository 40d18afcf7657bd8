import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MASAKARI_MATRIX, PACEMAKER_FENCED, type Policy } from './policy.ts';
import { type Fact, NETWORKS } from './sources/source.ts';
import { byHost, decide, type HostDecision, type State, settle, type Track } from './state-decision.ts';

const NOW = 1_000_000;
const fact = (source: Fact['source'], state: Fact['state'], more: Partial<Fact> = {}): Fact => ({
  source,
  state: state,
  host: 'c1',
  at: NOW,
  detail: `${source} says ${state}`,
  ...more,
});
const UNPROVEN: Policy = {
  ...MASAKARI_MATRIX,
  rows: (MASAKARI_MATRIX.name === 'matrix' ? MASAKARI_MATRIX.rows : []).map((row) => ({ ...row, proof: 'none' })),
} as Policy;

const words = ({ state, proof }: HostDecision) => (proof === undefined ? state : `${state} (${proof})`);
const seenOn = (health: string): Fact[] =>
  health
    .split(' ')
    .map((state, index) => fact('consul', state as Fact['state'], { network: NETWORKS[index] ?? 'storage' }));

const fenced = fact('pacemaker', 'down', { proof: 'fenced', at: NOW - 10 });
const confirmed = fact('pacemaker', 'down', { proof: 'operator', at: NOW - 10 });
const lost = fact('pacemaker', 'down');
const powerOff = fact('ipmi', 'down', { proof: 'power off', at: NOW - 5 });

describe('with Pacemaker and proof of fencing', () => {
  test.each<[string, readonly Fact[], string]>([
    ['nothing', [], 'unknown'],
    ['Pacemaker: up', [fact('pacemaker', 'up')], 'up'],
    ['Pacemaker: leaving', [fact('pacemaker', 'leaving')], 'leaving'],
    ['Pacemaker: unknown', [fact('pacemaker', 'unknown')], 'unknown'],
    ['Pacemaker: lost', [lost], 'suspected'],
    ['Pacemaker: fenced', [fenced], 'dead (fenced)'],
    ['an operator confirmed it', [confirmed], 'dead (operator)'],
    ['lost, and its BMC reports power off', [lost, powerOff], 'dead (power off)'],
    ['fenced, and power is off', [fenced, powerOff], 'dead (fenced)'],
    ['no quorum, and power is off', [fact('pacemaker', 'unknown'), powerOff], 'unknown'],
    ['for Pacemaker up, and power is off', [fact('pacemaker', 'up'), powerOff], 'up'],
    ['leaving, and power is off', [fact('pacemaker', 'leaving'), powerOff], 'leaving'],
    ['power is off, and Pacemaker does not know it', [powerOff], 'unknown'],
    ['fenced, and it responds again', [fenced, fact('ping', 'up')], 'dead (fenced)'],
    ['confirmed by an operator, but it responds', [confirmed, fact('ping', 'up')], 'suspected'],
    ['reported without power, but it responds', [lost, powerOff, fact('ping', 'up')], 'suspected'],
    [
      'reported without power a moment after it responded',
      [lost, powerOff, fact('ping', 'up', { at: powerOff.at - 1 })],
      'suspected',
    ],
    [
      'confirmed by an operator, and it responded in the last poll before',
      [confirmed, fact('ping', 'up', { at: confirmed.at - 1 })],
      'suspected',
    ],
    ['without power, and it no longer responds', [lost, powerOff, fact('ping', 'down')], 'dead (power off)'],
    ['lost, and it does not respond', [lost, fact('ping', 'down')], 'suspected'],
  ])('%s', (_, facts, expected) => {
    expect(words(decide(facts, PACEMAKER_FENCED, NOW))).toBe(expected);
  });

  test('a dead host is so since the time of its proof', () => {
    expect(decide([fenced], PACEMAKER_FENCED, NOW).since).toBe(fenced.at);
  });
});

describe("with Masakari's matrix of management, tenant and storage", () => {
  test.each([
    ['up up up', 'up'],
    ['down up up', 'suspected'],
    ['down down up', 'suspected'],
    ['up up down', 'suspected'],
    ['up unknown down', 'unknown'],
    ['up up', 'unknown'],
  ])('%s without a proof is %s', (health, expected) => {
    expect(words(decide(seenOn(health), MASAKARI_MATRIX, NOW))).toBe(expected);
  });

  test.each<[string, readonly Fact[], Policy, string]>([
    ['storage down and power off', [...seenOn('up up down'), powerOff], MASAKARI_MATRIX, 'suspected'],
    ['all down and power off', [...seenOn('down down down'), powerOff], MASAKARI_MATRIX, 'dead (power off)'],
    ['all down and fenced', [...seenOn('down down down'), fenced], MASAKARI_MATRIX, 'dead (fenced)'],
    ['storage down, no proof required', seenOn('up up down'), UNPROVEN, 'dead'],
    ['the same, but no quorum', [...seenOn('up up down'), fact('pacemaker', 'unknown')], UNPROVEN, 'unknown'],
    ['the same, but for Pacemaker up', [...seenOn('up up down'), fact('pacemaker', 'up')], UNPROVEN, 'suspected'],
    ['the same, but in maintenance', [...seenOn('up up down'), fact('pacemaker', 'leaving')], UNPROVEN, 'leaving'],
    [
      'all down, reported as off, but it responds',
      [...seenOn('down down down'), powerOff, fact('ping', 'up')],
      UNPROVEN,
      'suspected',
    ],
  ])('%s', (_, facts, policy, expected) => {
    expect(words(decide(facts, policy, NOW))).toBe(expected);
  });

  test('one source that has it up on a network is enough for up there', () => {
    const facts = [...seenOn('up up down'), fact('ping', 'up', { network: 'storage' })];
    expect(decide(facts, MASAKARI_MATRIX, NOW).state).toBe('up');
  });
});

const anyFact: fc.Arbitrary<Fact> = fc
  .record({
    source: fc.constantFrom<Fact['source'][]>('pacemaker', 'ping', 'ipmi', 'redfish', 'heartbeat', 'consul'),
    network: fc.option(fc.constantFrom(...NETWORKS), { nil: undefined }),
    state: fc.constantFrom<Fact['state'][]>('up', 'down', 'leaving', 'unknown'),
    proof: fc.option(fc.constantFrom('fenced', 'power off', 'operator'), { nil: undefined }),
    at: fc.integer({ min: 0, max: 2 * NOW }),
  })
  .map(({ network, proof, ...rest }) => ({
    ...rest,
    host: 'c1',
    detail: '',
    ...(network === undefined ? {} : { network }),
    ...(proof === undefined ? {} : { proof }),
  }));
const oneOfPacemaker = (facts: readonly Fact[]) => facts.filter(({ source }) => source === 'pacemaker').length <= 1;
const observation = fc.array(anyFact, { maxLength: 8 }).filter(oneOfPacemaker);

describe('for any facts', () => {
  const policies = fc.constantFrom(PACEMAKER_FENCED, MASAKARI_MATRIX, UNPROVEN);
  const counting = fc.record({ samples: fc.integer({ min: 1, max: 4 }), apartMs: fc.integer({ min: 0, max: 100 }) });
  /** The states of a sequence of polls of one host. */
  function follow(
    observations: readonly (readonly Fact[])[],
    policy: Policy,
    debouncing: { samples: number; apartMs: number },
  ) {
    let track: Track | undefined;
    return observations.map((facts, index) => {
      track = settle(track, decide(facts, policy, NOW + index), debouncing, NOW + index * 60);
      return { facts, settled: track.settled };
    });
  }

  test('no host is dead without a proof among the current facts, unless the policy requires none', () => {
    const proving = fc.constantFrom(PACEMAKER_FENCED, MASAKARI_MATRIX);
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 12 }), proving, counting, (observations, policy, debouncing) => {
        for (const { facts, settled } of follow(observations, policy, debouncing)) {
          if (settled.state !== 'dead') continue;
          expect(settled.proof).toBeDefined();
          expect(facts.some(({ state, proof }) => state === 'down' && proof === settled.proof)).toBe(true);
        }
      }),
    );
  });

  test('no host is dead that is unknown, up or leaving in Pacemaker', () => {
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 12 }), policies, counting, (observations, policy, debouncing) => {
        for (const { facts, settled } of follow(observations, policy, debouncing)) {
          const word = facts.find(({ source }) => source === 'pacemaker')?.state;
          if (word !== undefined && word !== 'down') expect(settled.state).not.toBe('dead');
        }
      }),
    );
  });

  test('the order of the facts does not matter', () => {
    fc.assert(
      fc.property(observation, policies, (facts, policy) => {
        const { state, proof, since } = decide(facts, policy, NOW);
        expect(decide(facts.toReversed(), policy, NOW)).toMatchObject({ state, since, ...(proof && { proof }) });
      }),
    );
  });
});

describe('polls that must agree', () => {
  const three = { samples: 3, apartMs: 10 };
  const logging: Readonly<Record<string, HostDecision>> = {
    up: decide([fact('pacemaker', 'up')], PACEMAKER_FENCED, NOW),
    off: decide([lost, powerOff], PACEMAKER_FENCED, NOW),
    fenced: decide([fenced], PACEMAKER_FENCED, NOW),
    lost: decide([lost], PACEMAKER_FENCED, NOW),
    unknown: decide([], PACEMAKER_FENCED, NOW),
  };
  function states(polls: string, apartMs = 10): State[] {
    let track: Track | undefined;
    return polls.split(' ').map((poll, index) => {
      const decision = logging[poll];
      if (decision === undefined) throw new Error(poll);
      track = settle(track, decision, three, NOW + index * apartMs);
      return track.settled.state;
    });
  }

  test('a power-off is accepted after three, a fencing at once', () => {
    expect(states('off off off')).toEqual(['suspected', 'suspected', 'dead']);
    expect(states('fenced')).toEqual(['dead']);
  });

  test('one that disagrees restarts the count', () => {
    expect(states('off off lost off off off')).toEqual([...Array(5).fill('suspected'), 'dead']);
  });

  test('polls in quick succession count as one', () => {
    expect(states('off off off off', 1)).toEqual(Array(4).fill('suspected'));
  });

  test('a host that flaps is neither up nor dead', () => {
    expect(states('fenced up fenced up up up')).toEqual(['dead', 'unknown', 'dead', 'unknown', 'unknown', 'up']);
  });

  test('a doubtful state is accepted at once', () => {
    expect(states('up up up unknown')).toEqual(['unknown', 'unknown', 'up', 'unknown']);
    expect(states('up up up lost')[3]).toBe('suspected');
  });
});

test('facts are sorted by host', () => {
  const facts = [fact('ping', 'up', { host: 'b' }), fact('ping', 'up'), fact('ipmi', 'up', { host: 'b' })];
  expect([...byHost(facts)].map(([host, of]) => `${host} ${of.length}`)).toEqual(['b 2', 'c1 1']);
});
