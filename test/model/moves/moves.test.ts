/** The decision about a move and its steps, for every state of a small Nova. */
import { expect, it } from 'vitest';
import { decideMove } from '#engine/evacuation/evacuation-decision.ts';
import { bound } from '../depth.ts';
import { type Exploration, explore, type State } from './explore.ts';
import { moverFor, RULES, type Rules } from './mover.ts';
import { novaAt } from './nova.ts';

/** What may go wrong in one way: each lost or late call, death, outage, failure and return counts. */
const ADVERSITY = bound(3, 5);

const STARTS: Readonly<Record<string, State>> = {
  'a running instance': {
    nova: novaAt('active', null),
    mover: moverFor(['evacuate'], 'running'),
    adversity: ADVERSITY,
  },
  'a busy instance': {
    nova: novaAt('active', 'rebooting'),
    mover: moverFor(['reset', 'evacuate'], 'running'),
    adversity: ADVERSITY,
  },
  'a stopped instance': {
    nova: novaAt('stopped', null),
    mover: moverFor(['evacuate', 'stop'], 'stopped'),
    adversity: ADVERSITY,
  },
  'an instance that Nova stopped': {
    nova: novaAt('stopped', null),
    mover: moverFor(['evacuate', 'start'], 'running'),
    adversity: ADVERSITY,
  },
  'an instance in state error': {
    nova: novaAt('error', null),
    mover: moverFor(['evacuate', 'stop', 'error'], 'error'),
    adversity: ADVERSITY,
  },
};

function searched(name: string, rules: Rules): Exploration {
  const start = STARTS[name];
  if (!start) throw new Error(`there is no start ${name}`);
  return explore(start, rules);
}

it.each(Object.keys(STARTS))('every move of %s keeps what the engine promises', (name) => {
  const { states, ends, violations } = searched(name, RULES);
  console.log(`model moves: ${name}: ${states} states, ${ends} ends, ${violations.size} violations`);
  expect([...violations].map(([violation, way]) => [violation, ...way])).toEqual([]);
});

/** Facts as a decision with a fault sees them, or what it makes of the right decision. */
const PLANTS: readonly { readonly name: string; readonly found: RegExp; readonly rules: Partial<Rules> }[] = [
  {
    name: 'a decision from no answer',
    found: /a call is made on no answer/,
    rules: {
      trustsNoAnswer: true,
      decide: (facts, limits) => {
        const { instance } = facts;
        const isUnknown = typeof instance !== 'string' && instance.host === null;
        return decideMove(isUnknown ? { ...facts, instance: { ...instance, host: facts.source } } : facts, limits);
      },
    },
  },
  {
    name: 'a lost call that is repeated at once',
    found: /two evacuations of one instance are open/,
    rules: {
      decide: (facts, limits) => {
        const decision = decideMove(facts, limits);
        return decision.do === 'note silence' ? { do: 'call' } : decision;
      },
    },
  },
  {
    name: 'a new flow that does not know what an earlier one requested',
    found: /two evacuations of one instance are open/,
    rules: { remembersRequests: false },
  },
  {
    name: 'a decision that does not read the records',
    found: /two evacuations of one instance are open/,
    rules: {
      decide: (facts, limits) =>
        decideMove({ ...facts, evacuations: facts.evacuations === 'not read' ? 'not read' : [] }, limits),
    },
  },
  {
    name: 'a failed attempt whose record counts again',
    found: /two evacuations of one instance are open/,
    rules: { keepsRecords: false },
  },
  {
    name: 'attempts that are not counted',
    found: /more calls for step evacuate than attempts/,
    rules: { decide: (facts, limits) => decideMove({ ...facts, attempts: 0 }, limits) },
  },
  {
    name: 'a move that counts as done when nothing happens',
    found: /counts as done and the instance is on its source/,
    rules: {
      decide: (facts, limits) => {
        const decision = decideMove(facts, limits);
        const isEvacuation = facts.step.kind === 'evacuate' && facts.step.state === 'sent';
        return isEvacuation && decision.do === 'wait' ? { do: 'settle', state: 'done', reason: null } : decision;
      },
    },
  },
  {
    name: 'a wait without an end',
    found: /never ends/,
    rules: { decide: (facts, limits) => decideMove({ ...facts, elapsedMs: 0 }, limits) },
  },
];

it.each(PLANTS)('finds: $name', ({ name, found, rules }) => {
  const { states, violations } = searched('a running instance', { ...RULES, ...rules });
  console.log(`model moves: planted "${name}": ${states} states, found: ${[...violations.keys()].join('; ')}`);
  expect([...violations.keys()].join('\n')).toMatch(found);
});
