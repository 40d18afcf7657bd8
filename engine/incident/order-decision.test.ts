import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TASK_SETTINGS, type TaskSettings } from '#config/options/task-settings.ts';
import type { InstanceSnapshot } from '../evacuation/original-state-decision.ts';
import { type Candidate, type InstanceOrder, inRotation, MOST_PHASES, planInstances } from './order-decision.ts';

interface Facts {
  readonly name: string;
  readonly project?: string;
  readonly priority?: string;
  readonly group?: string;
  readonly ha?: boolean;
  readonly state?: string;
}

function candidate({ name, project = 'p', priority, group, ha = false, state = 'active' }: Facts): Candidate {
  const snapshot: InstanceSnapshot = {
    uuid: name,
    name,
    host: 'c1',
    vmState: state,
    taskState: null,
    powerState: 1,
    locked: false,
    haEnabled: ha,
    projectId: project,
    userId: 'u',
  };
  const metadata = {
    ...(priority === undefined ? {} : { 'instanceha:restart_priority': priority }),
    ...(group === undefined ? {} : { 'instanceha:restart_group': group }),
  };
  return { snapshot, listed: { name, metadata }, isRequested: false };
}

function plan(facts: readonly Facts[], change: Partial<TaskSettings> = {}): InstanceOrder {
  return planInstances(facts.map(candidate), { ...DEFAULT_TASK_SETTINGS, ...change });
}

const namesOf = ({ moves }: InstanceOrder): string => moves.map(({ snapshot }) => snapshot.name).join(' ');
const phasesOf = ({ moves }: InstanceOrder): string =>
  moves.map(({ snapshot, phase }) => `${snapshot.name}:${phase}`).join(' ');

describe('instances are moved', () => {
  it.each<[string, readonly Facts[], string]>([
    [
      'by priority, higher first',
      [{ name: 'a', priority: '10' }, { name: 'b' }, { name: 'c', priority: '900' }],
      'c b a',
    ],
    [
      'marked for HA before any priority',
      [
        { name: 'a', priority: '1000' },
        { name: 'b', ha: true },
      ],
      'b a',
    ],
    [
      'alternating between projects within a priority',
      [{ name: 'a1' }, { name: 'a2' }, { name: 'b1', project: 'q' }, { name: 'c', project: 'r', priority: '501' }],
      'c a1 b1 a2',
    ],
    [
      'with their group, by the highest priority in it',
      [{ name: 'app' }, { name: 'db-2', group: 'db', priority: '100' }, { name: 'db-1', group: 'db', priority: '900' }],
      'db-1 db-2 app',
    ],
    [
      'each project by its own groups, although others use the same names',
      [
        { name: 'other', project: 'q', group: 'db' },
        { name: 'app', priority: '600' },
        { name: 'db', group: 'db', priority: '900' },
      ],
      'db app other',
    ],
    [
      'a priority beyond the range as its end',
      [
        { name: 'a', priority: '999' },
        { name: 'b', priority: '99999' },
      ],
      'b a',
    ],
  ])('%s', (_, facts, order) => {
    expect(namesOf(plan(facts))).toBe(order);
  });

  it.each(['high', '', '1e3', '5.5', '0x10', '١'])(
    'with the priority "%s" as without one, which is named',
    (priority) => {
      const order = plan([
        { name: 'a', priority: '499' },
        { name: 'b', priority },
        { name: 'c', priority: '501' },
      ]);
      expect(namesOf(order)).toBe('c b a');
      expect(order.unreadable).toMatchObject([{ snapshot: { name: 'b' }, value: priority }]);
    },
  );

  it('although they are excluded, if their evacuation may be in progress', () => {
    const settings = { ...DEFAULT_TASK_SETTINGS, excludedNames: ['*'] };
    const order = planInstances(
      [candidate({ name: 'a' }), { ...candidate({ name: 'b' }), isRequested: true }],
      settings,
    );
    expect(namesOf(order)).toBe('b');
    expect(order.left).toMatchObject([{ snapshot: { name: 'a' }, by: 'exclusion' }]);
  });
});

describe('phases', () => {
  const SCENE: readonly Facts[] = [
    { name: 'web', priority: '100' },
    { name: 'db', group: 'db', priority: '900' },
    { name: 'app', group: 'app' },
    { name: 'other', project: 'q', priority: '700' },
  ];

  it.each<[TaskSettings['orderPhases'], string]>([
    ['none', 'db:1 other:1 app:1 web:1'],
    ['project', 'db:1 other:1 app:2 web:3'],
    ['all', 'db:1 other:2 app:3 web:4'],
  ])('with "%s" are %s', (orderPhases, phases) => {
    expect(phasesOf(plan(SCENE, { orderPhases }))).toBe(phases);
  });

  it('of two groups with the same priority follow by their names, for several projects at the same time', () => {
    const facts = ['p', 'q'].flatMap((project) =>
      ['b', 'a'].map((group) => ({ name: `${project}${group}`, project, group })),
    );
    expect(phasesOf(plan(facts, { orderPhases: 'all' }))).toBe('pa:1 qa:1 pb:2 qb:2');
  });

  it('are limited in number, so that hundreds of priorities are not hundreds of waits', () => {
    const facts = Array.from({ length: 100 }, (_, n) => ({ name: `i${n}`, priority: String(n + 1) }));
    const phases = plan(facts, { orderPhases: 'project' }).moves.map(({ phase }) => phase);
    expect(Math.max(...phases)).toBe(MOST_PHASES);
  });
});

const anyFacts = fc
  .array(
    fc.record({
      project: fc.constantFrom('p', 'q', 'r'),
      priority: fc.constantFrom(undefined, '1', '500', '700', '1000', 'high'),
      group: fc.constantFrom(undefined, 'a', 'b'),
      ha: fc.boolean(),
      state: fc.constantFrom('active', 'error'),
    }),
    { maxLength: 24 },
  )
  .map((all) =>
    all.map(
      ({ priority, group, ...one }, n): Facts => ({
        ...one,
        name: `i${n}`,
        ...(priority === undefined ? {} : { priority }),
        ...(group === undefined ? {} : { group }),
      }),
    ),
  );
const anySettings = fc.record({
  orderPhases: fc.constantFrom('none', 'project', 'all'),
  evacuateAllInstances: fc.boolean(),
  ignoreInstancesInErrorState: fc.boolean(),
  excludedNames: fc.constantFrom([], ['i?']),
});

/** As an operator would compute it: the mark, then the priority; of a group the highest. */
function ranksOf({ moves }: InstanceOrder): number[] {
  const own = ({ snapshot, priority }: InstanceOrder['moves'][number]): number =>
    (snapshot.haEnabled ? 10_000 : 0) + priority;
  return moves.map((one) => {
    const { group, snapshot } = one;
    const members = moves.filter((other) => other.group === group && other.snapshot.projectId === snapshot.projectId);
    return group === null ? own(one) : Math.max(...members.map(own));
  });
}

describe('for any instances', () => {
  it('each is in exactly one place', () => {
    fc.assert(
      fc.property(anyFacts, anySettings, (facts, settings) => {
        const { moves, left } = plan(facts, settings);
        const placed = [...moves, ...left].map(({ snapshot }) => snapshot.name);
        expect(placed.toSorted()).toEqual(facts.map(({ name }) => name).toSorted());
        for (const { reason } of left) expect(reason).not.toBe('');
      }),
    );
  });

  it('no order breaks a priority', () => {
    fc.assert(
      fc.property(anyFacts, anySettings, (facts, settings) => {
        const ranks = ranksOf(plan(facts, settings));
        expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
      }),
    );
  });

  it('none waits for more than one of each other project per own one of the same priority', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const order = plan(facts);
        const ranks = ranksOf(order);
        for (const rank of new Set(ranks)) {
          const same = order.moves
            .filter((_, index) => ranks[index] === rank)
            .map(({ snapshot }) => snapshot.projectId);
          for (const project of ['p', 'q', 'r']) {
            const places = same.flatMap((owner, place) => (owner === project ? [place] : []));
            for (const [turn, place] of places.entries()) expect(place).toBeLessThan(3 * (turn + 1));
          }
        }
      }),
    );
  });

  it('phases follow the order, and neither a group nor the order of the list divides one', () => {
    fc.assert(
      fc.property(anyFacts, anySettings, (facts, settings) => {
        const order = plan(facts, settings);
        const scopes = settings.orderPhases === 'all' ? [['p', 'q', 'r']] : [['p'], ['q'], ['r']];
        for (const projects of scopes) {
          const phases = order.moves
            .filter(({ snapshot }) => projects.includes(snapshot.projectId))
            .map(({ phase }) => phase);
          expect(phases).toEqual(phases.toSorted((a, b) => a - b));
          expect(new Set(phases).size).toBe(Math.max(0, ...phases));
        }
        const reversed = new Map(
          plan(facts.toReversed(), settings).moves.map(({ snapshot, phase }) => [snapshot.name, phase]),
        );
        for (const { snapshot, phase } of order.moves) expect(reversed.get(snapshot.name)).toBe(phase);
        for (const members of Map.groupBy(order.moves, ({ group, snapshot }) => `${snapshot.projectId}/${group}`)) {
          const [key, some] = members;
          if (!key.endsWith('/null')) expect(new Set(some.map(({ phase }) => phase)).size).toBe(1);
        }
      }),
    );
  });
});

describe('projects alternate', () => {
  const named = (names: string) => names.split(' ').map((name) => ({ name, projectId: name[0] ?? '' }));
  it.each([
    ['a1 a2 a3 b1 c1 c2', 'a1 b1 c1 a2 c2 a3'],
    ['b1 a1 a2', 'b1 a1 a2'],
    ['a1 a2 a3', 'a1 a2 a3'],
  ])('%s as %s', (listed, moved) => {
    expect(inRotation(named(listed)).map(({ name }) => name)).toEqual(moved.split(' '));
  });
});
