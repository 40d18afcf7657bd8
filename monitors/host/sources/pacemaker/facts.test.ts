import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCib } from './cib.ts';
import { type ClusterView, parseCrmMon } from './crm-mon.ts';
import { findingOf, type Sighting } from './facts.ts';
import { membersIn, outlivedAfter } from './outlived.ts';

/** Outputs of crm_mon and cibadmin, captured from real clusters (Pacemaker 2.1.5; n1 to n3 cluster nodes, c1 and c2 remote). */
const FIXTURES = new URL('../../../../test/fixtures/pacemaker/', import.meta.url);
const NOW = Date.parse('2026-11-21T15:00:00Z');

function observation(sample: string): Sighting {
  const read = (file: string) => readFileSync(new URL(`${sample}/${file}`, FIXTURES), 'utf8');
  return { view: parseCrmMon(read('crm_mon.xml')), cib: parseCib(read('cib.xml')), outlived: new Map(), now: NOW };
}

function nodeIn(sighting: Sighting, name: string) {
  const node = sighting.view.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

const find = (sighting: Sighting, name: string) => findingOf(nodeIn(sighting, name), sighting);

/** `says`, or `says (proof)`, of c1 c2 n1 n2 n3. */
function all(sighting: Sighting): string {
  return sighting.view.nodes
    .map((node) => findingOf(node, sighting))
    .map(({ state, proof }) => (proof === undefined ? state : `${state} (${proof})`))
    .join(', ');
}

describe('each captured output of a cluster', () => {
  test.each([
    ['all-online', 'up, up, up, up, up'],
    ['asked-on-a-remote-node', 'up, up, up, up, up'],
    ['inside-minority-partition', 'unknown, unknown, unknown, unknown, unknown'],
    ['no-quorum', 'unknown, unknown, unknown, unknown, unknown'],
    ['maintenance-c2-killed', 'up, leaving, up, up, leaving'],
    ['maintenance-mode', 'leaving, leaving, leaving, leaving, leaving'],
    ['maintenance-n3-and-c2', 'up, leaving, up, up, leaving'],
    ['standby-n3-and-c2', 'up, leaving, up, up, leaving'],
    ['resource-start-pending', 'up, up, up, up, up'],
    // Cluster nodes: lost, fenced, coming back, stopped in order after an older fencing.
    ['node-unclean', 'up, up, up, up, down'],
    ['node-partitioned-after-reboot-still-cut', 'up, up, up, up, down (fenced)'],
    ['member-fenced-off', 'up, up, up, up, down (fenced)'],
    ['node-pending', 'up, up, up, up, unknown'],
    ['node-pending-2', 'up, up, up, up, unknown'],
    ['member-stopped-after-fencing', 'up, up, up, up, unknown'],
    ['member-stopped-history-clean', 'up, up, up, up, unknown'],
    // Remote nodes: lost, fenced, being connected to again (shown online), back, disabled.
    ['remote-unclean', 'up, down, up, up, up'],
    ['remote-fencing-failed', 'up, down, up, up, up'],
    ['remote-fenced-offline', 'up, down (fenced), up, up, up'],
    ['remote-fenced-but-start-pending-shown-online', 'up, down (fenced), up, up, up'],
    ['remote-fenced-before-start-pending', 'up, down (fenced), up, up, unknown'],
    ['remote-start-pending-for-long', 'up, down (fenced), up, up, unknown'],
    ['remote-fencing-confirmed-by-hand', 'up, down (operator), up, up, up'],
    ['remote-daemon-killed', 'up, up, up, up, up'],
    ['remote-disabled-graceful', 'up, leaving, up, up, up'],
  ])('%s: %s', (sample, expected) => {
    expect(all(observation(sample))).toBe(expected);
  });
});

describe('the time of a proven death is that of the fencing, for every watcher', () => {
  test.each([
    ['remote-fenced-offline', 'c2', '2026-11-21T08:39:57.000Z'],
    ['remote-fencing-confirmed-by-hand', 'c2', '2026-11-21T08:16:10.000Z'],
    ['node-partitioned-after-reboot-still-cut', 'n3', '2026-11-21T08:13:35.000Z'],
  ])('%s', (sample, node, at) => {
    expect(new Date(find(observation(sample), node).at).toISOString()).toBe(at);
  });

  test('and any other finding has the time of the poll', () => {
    expect(find(observation('all-online'), 'c1').at).toBe(NOW);
  });
});

describe('a proof of fencing is not given', () => {
  test('in any sample once quorum is gone, by either of the two tools', () => {
    for (const sample of ['remote-fenced-offline', 'member-fenced-off', 'remote-fencing-confirmed-by-hand']) {
      const seen = observation(sample);
      const words = 'unknown, unknown, unknown, unknown, unknown';
      expect(all({ ...seen, view: { ...seen.view, hasQuorum: false } })).toBe(words);
      expect(all({ ...seen, cib: { ...seen.cib, hasQuorum: false } })).toBe(words);
      expect(all({ ...seen, view: { ...seen.view, hasCoordinator: false } })).toBe(words);
    }
  });

  const withState = (seen: Sighting, name: string, change: object): Sighting => {
    const state = seen.cib.states.get(name);
    if (state === undefined) throw new Error(`no state of ${name}`);
    return { ...seen, cib: { ...seen.cib, states: new Map(seen.cib.states).set(name, { ...state, ...change }) } };
  };
  const withFencing = (seen: Sighting, fencing: ClusterView['fencing']): Sighting => ({
    ...seen,
    view: { ...seen.view, fencing },
  });

  test('for a cluster node stopped in order after an older fencing: its history is in the record', () => {
    const stopped = withState(observation('member-fenced-off'), 'n3', { hasHistory: true });
    expect(find(stopped, 'n3')).toMatchObject({ state: 'leaving', detail: 'left the cluster in order' });
  });

  test('for a cluster node whose history of fencing is cleaned', () => {
    expect(find(withFencing(observation('member-fenced-off'), []), 'n3').state).toBe('unknown');
  });

  test('by an event that failed, is under way, or is no loss of power', () => {
    const seen = observation('member-fenced-off');
    const [event] = seen.view.fencing;
    if (event === undefined) throw new Error('no event');
    for (const change of [{ status: 'failed' }, { status: 'pending', completedAt: undefined }, { action: 'on' }]) {
      expect(find(withFencing(seen, [{ ...event, ...change }]), 'n3').state).toBe('unknown');
    }
  });

  test('for a remote node with a connection', () => {
    const seen = observation('all-online');
    const confirmed = withState(seen, 'c2', { isMember: false, fencedAt: NOW });
    expect(find(confirmed, 'c2')).toMatchObject({ state: 'unknown' });
  });

  test('for a remote node that was fenced once and that an operator has taken out of the cluster', () => {
    const seen = observation('remote-fenced-offline');
    const connections = new Map(seen.view.connections).set('c2', { isStarted: false, isDisabled: true });
    expect(find({ ...seen, view: { ...seen.view, connections } }, 'c2')).toMatchObject({ state: 'leaving' });
  });

  test('for a remote node that was not fenced since its start according to its record', () => {
    const lost = withState(observation('remote-fenced-offline'), 'c2', { fencedAt: undefined });
    expect(find(lost, 'c2').state).toBe('unknown');
  });

  test('for a node that is in standby or maintenance, or is not in the record at all', () => {
    const seen = observation('member-fenced-off');
    const node = nodeIn(seen, 'n3');
    expect(findingOf({ ...node, isStandby: true }, seen).state).toBe('leaving');
    expect(findingOf({ ...node, isInMaintenance: true }, seen).state).toBe('leaving');
    expect(findingOf({ ...node, name: 'n4' }, seen).state).toBe('unknown');
  });
});

test('a remote node is only up while it is connected, for any other state', () => {
  const seen = observation('all-online');
  const connections = new Map(seen.view.connections).set('c2', { isStarted: false, isDisabled: false });
  expect(find({ ...seen, view: { ...seen.view, connections } }, 'c2').state).toBe('unknown');
});

test('the record of a remote node is sufficient proof if the history is cleaned', () => {
  const seen = observation('remote-fenced-offline');
  expect(find({ ...seen, view: { ...seen.view, fencing: [] } }, 'c2')).toMatchObject({
    state: 'down',
    proof: 'fenced',
    detail: 'fenced at 2026-11-21T08:39:57.000Z according to the record of the cluster',
  });
});

describe('a fencing that a cluster node has outlived', () => {
  const fenced = observation('member-fenced-off');
  const pending = observation('member-stopped-after-fencing');
  const event = fenced.view.fencing[0]?.completedAt ?? Number.NaN;

  test('proves nothing when it is lost again before it has joined', () => {
    const outlived = outlivedAfter(new Map(), membersIn(fenced.cib), pending.view, pending.cib, event + 2_000);
    expect(find({ ...fenced, outlived }, 'n3').state).toBe('unknown');
  });

  test('is known as such too when the node was a member long after it', () => {
    const outlived = outlivedAfter(new Map(), undefined, pending.view, pending.cib, event + 60_000);
    expect(find({ ...fenced, outlived }, 'n3').state).toBe('unknown');
  });

  test('is not assumed while the membership still lists a node that an operator had fenced', () => {
    const members = membersIn(pending.cib);
    const outlived = outlivedAfter(new Map(), members, pending.view, pending.cib, event + 2_000);
    expect(find({ ...fenced, outlived }, 'n3')).toMatchObject({ state: 'down', proof: 'fenced' });
  });

  test('is followed by one that proves the next death', () => {
    const outlived = new Map([['n3', event - 1]]);
    expect(find({ ...fenced, outlived }, 'n3')).toMatchObject({ state: 'down', proof: 'fenced' });
  });

  test('is not detected by a side without quorum', () => {
    const view = { ...pending.view, hasQuorum: false };
    expect(outlivedAfter(new Map(), undefined, view, pending.cib, event + 60_000).size).toBe(0);
  });
});

describe('for any output of the cluster', () => {
  const EVENT = NOW - 60_000;
  const time = fc.integer({ min: EVENT - 2, max: EVENT + 2 });
  const maybe = fc.option(fc.boolean(), { nil: undefined });
  const word = fc.constantFrom('down', 'member', 'pending', undefined);
  const anySighting = fc
    .record({
      node: fc.record({
        name: fc.constant('x'),
        isRemote: fc.boolean(),
        isGuest: fc.constant(false),
        isOnline: fc.boolean(),
        isStandby: fc.boolean(),
        isInMaintenance: fc.boolean(),
        isPending: fc.boolean(),
        isUnclean: fc.boolean(),
        isShuttingDown: fc.boolean(),
      }),
      state: fc.record({
        name: fc.constant('x'),
        isMember: maybe,
        isController: maybe,
        join: word,
        expected: word,
        fencedAt: fc.option(time, { nil: undefined }),
        hasHistory: fc.boolean(),
      }),
      connection: fc.option(fc.record({ isStarted: fc.boolean(), isDisabled: fc.boolean() }), { nil: undefined }),
      fencing: fc.array(
        fc.record({
          target: fc.constantFrom('x', 'y'),
          action: fc.constantFrom('off', 'reboot', 'on'),
          status: fc.constantFrom('success', 'failed', 'pending'),
          delegate: fc.constantFrom('n1', 'a human', undefined),
          completedAt: fc.option(time, { nil: undefined }),
        }),
        { maxLength: 4 },
      ),
      quorum: fc.tuple(fc.boolean(), fc.boolean()),
      isInMaintenance: fc.boolean(),
      outlived: fc.option(time, { nil: undefined }),
    })
    .map(({ node, state, connection, fencing, quorum, isInMaintenance, outlived }) => {
      const connections = new Map(connection === undefined ? [] : [['x', connection] as const]);
      const sighting: Sighting = {
        view: {
          hasQuorum: quorum[0],
          hasCoordinator: true,
          isInMaintenance,
          nodes: [node],
          connections,
          fencing,
          history: 'readable',
        },
        cib: { hasQuorum: quorum[1], states: new Map([['x', state]]) },
        outlived: new Map(outlived === undefined ? [] : [['x', outlived]]),
        now: NOW,
      };
      return { node, state, connection, sighting };
    });

  test('a proof is only given with quorum, outside of maintenance and standby, for a node that no part of the output shows up', () => {
    fc.assert(
      fc.property(anySighting, ({ node, state, connection, sighting }) => {
        const finding = findingOf(node, sighting);
        if (finding.proof === undefined) return;
        expect(finding.state).toBe('down');
        expect([sighting.view.hasQuorum, sighting.cib.hasQuorum, state.isMember]).toEqual([true, true, false]);
        expect([sighting.view.isInMaintenance, node.isInMaintenance, node.isStandby, node.isUnclean]).not.toContain(
          true,
        );
        expect(connection?.isDisabled).not.toBe(true);
        if (node.isRemote) {
          expect(state.fencedAt).toBe(finding.at);
          expect(node.isOnline && connection?.isStarted).not.toBe(true);
          return;
        }
        expect([node.isOnline, state.isController, state.hasHistory]).toEqual([false, false, false]);
        expect([state.join, state.expected]).toEqual(['down', 'down']);
        expect(finding.at).toBeGreaterThan(sighting.outlived.get('x') ?? 0);
        const proving = sighting.view.fencing.filter(
          ({ target, status, action, completedAt }) =>
            target === 'x' && status === 'success' && action !== 'on' && completedAt === finding.at,
        );
        expect(proving).not.toEqual([]);
      }),
      { numRuns: 20_000 },
    );
  });

  test('without quorum, by either of the two tools, the state is always unknown', () => {
    fc.assert(
      fc.property(anySighting, ({ node, sighting }) => {
        if (sighting.view.hasQuorum && sighting.cib.hasQuorum) return;
        expect(findingOf(node, sighting).state).toBe('unknown');
      }),
      { numRuns: 5_000 },
    );
  });
});
