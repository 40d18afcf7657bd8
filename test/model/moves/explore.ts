/** Breadth-first through every state of a move and a small Nova; keeps the shortest way to each kind of violation. */
import type { StepState } from '#engine/journal/rows.ts';
import {
  currentOf,
  type JournaledStep,
  LIMITS,
  type Mover,
  nextRound,
  type Rules,
  readAndDecide,
  resumed,
  settled,
  take,
  wait,
  withStep,
} from './mover.ts';
import { age, carryOut, evacuationsIn, happenings, type Nova, type Request } from './nova.ts';

export interface State {
  readonly nova: Nova;
  readonly mover: Mover;
  /** How much may still go wrong. */
  readonly adversity: number;
}

/** Of a step that is safe to repeat. */
const MOST_CALLS = 6;
/** Rounds after the first one. */
const ROUNDS = 1;

interface Edge {
  readonly name: string;
  readonly to: State;
  readonly violation?: string;
}

export interface Exploration {
  readonly states: number;
  readonly ends: number;
  /** The shortest way to each violation. */
  readonly violations: ReadonlyMap<string, readonly string[]>;
}

export function explore(start: State, rules: Rules): Exploration {
  const seen = new Map<string, { readonly from: string | null; readonly name: string }>([
    [keyOf(start), { from: null, name: 'start' }],
  ]);
  const violations = new Map<string, readonly string[]>();
  let layer: State[] = [start];
  const before = new Map<string, string[]>();
  const ends: string[] = [];
  const wrong: string[] = [];
  while (layer.length > 0) {
    const next: State[] = [];
    for (const state of layer) {
      const from = keyOf(state);
      const note = (violation: string, name: string): void => {
        if (!violations.has(violation)) violations.set(violation, [...wayTo(seen, from), name]);
      };
      const edges = edgesOf(state, rules);
      if (state.mover.result) {
        ends.push(from);
        for (const violation of violationsAtEnd(state)) note(violation, 'end');
      }
      for (const { name, to, violation } of edges) {
        if (violation || to.nova.isDouble) wrong.push(from);
        if (violation) note(violation, name);
        if (to.nova.isDouble && !state.nova.isDouble) note('two evacuations of one instance are open', name);
        const key = keyOf(to);
        before.set(key, [...(before.get(key) ?? []), from]);
        if (seen.has(key) || to.nova.isDouble) continue;
        seen.set(key, { from, name });
        next.push(to);
      }
    }
    layer = next;
  }
  const stuck = firstWithoutEnd(seen, before, [...ends, ...wrong]);
  if (stuck !== undefined) violations.set('a move that never ends', wayTo(seen, stuck));
  return { states: seen.size, ends: ends.length, violations };
}

/** The first state from which no way leads to an end. */
function firstWithoutEnd(
  seen: ReadonlyMap<string, unknown>,
  before: ReadonlyMap<string, readonly string[]>,
  ends: readonly string[],
): string | undefined {
  const ending = new Set(ends);
  for (const key of ending) for (const one of before.get(key) ?? []) ending.add(one);
  return [...seen.keys()].find((key) => !ending.has(key));
}

/** First Nova moves, then a tick passes, then the engine reads, decides and calls; or it dies, or begins the next round. */
function edgesOf(state: State, rules: Rules): Edge[] {
  return happenings(state.nova).flatMap(({ name, to, cost }) => {
    if (cost > state.adversity) return [];
    const moved = { ...state, nova: age(to), adversity: state.adversity - cost };
    return engineEdges(moved, rules).map((edge) => ({ ...edge, name: `${name}; ${edge.name}` }));
  });
}

function engineEdges(state: State, rules: Rules): Edge[] {
  const { nova, mover, adversity } = state;
  const isBlind = nova.cell === 'down';
  if (mover.result) {
    if (mover.result === 'moved' || mover.rounds >= ROUNDS || isBlind) return [];
    return [{ name: 'next round', to: { ...state, mover: nextRound(mover, nova, rules) } }];
  }
  const edges: Edge[] = [];
  if (adversity > 0 && !isBlind) {
    const to = { ...state, mover: resumed(mover, nova), adversity: adversity - 1 };
    edges.push({ name: 'the engine is replaced', to });
    // Its task timed out, or an operator restarted it.
    const cut = { ...state, mover: nextRound(mover, nova, rules), adversity: adversity - 1 };
    if (mover.rounds < ROUNDS) edges.push({ name: 'the flow is cut off, and a new one begins', to: cut });
  }
  const seen = readAndDecide(mover, nova, rules);
  if (!seen) return [...edges, { name: 'no answer', to: { ...state, mover: wait(mover, nova) } }];
  const step = currentOf(seen.mover);
  const { decision } = seen;
  if (decision.do !== 'call' || !step) {
    const violation = isBlind && decision.do === 'settle' ? { violation: 'a step is settled on no answer' } : {};
    const to = { ...state, mover: wait(take(seen.mover, decision, nova, rules), nova) };
    return [...edges, { name: decision.do, to, ...violation }];
  }
  if (seen.mover.pause > 0) return [...edges, { name: 'pause', to: { ...state, mover: wait(seen.mover, nova) } }];
  const blind = isBlind ? { violation: 'a call is made on no answer' } : {};
  const often = step.attempts - mover.attemptsBefore >= (step.kind === 'evacuate' ? LIMITS.attempts : MOST_CALLS);
  const violation = often ? { violation: `more calls for step ${step.kind} than attempts` } : blind;
  // What is wrong already leads nowhere new.
  if (often) return [...edges, { name: step.kind, to: state, ...violation }];
  for (const { name, to, cost } of callsOf(seen.mover, step, nova, rules)) {
    if (cost > adversity) continue;
    edges.push({
      name,
      to: { ...state, ...to, mover: wait(to.mover, to.nova), adversity: adversity - cost },
      ...violation,
    });
  }
  return edges;
}

interface Called {
  readonly name: string;
  readonly to: { readonly nova: Nova; readonly mover: Mover };
  readonly cost: 0 | 1;
}

const REQUESTS: Readonly<Record<JournaledStep['kind'], Request>> = {
  evacuate: 'evacuate',
  stop: 'stop',
  start: 'start',
  reset: 'error',
  error: 'error',
};

/** Every way that one call can end. */
function callsOf(mover: Mover, step: JournaledStep, nova: Nova, rules: Rules): Called[] {
  const request = REQUESTS[step.kind];
  // What is over by now is not the end of this call.
  const over = rules.keepsRecords && request === 'evacuate' ? overIn(nova) : [];
  const known = [...new Set([...step.known, ...over])];
  const intended: JournaledStep = { ...step, state: 'intent', attempts: step.attempts + 1, known };
  const calling = { ...withStep(mover, step, intended), readsWithoutTrace: 0, mayBeRequested: false };
  const done = carryOut(nova, request);
  const after = (state: StepState): Mover => ({ ...withStep(calling, intended, { state }), since: 0 });
  const refused = request === 'stop' || request === 'start' ? after('planned') : failedIn(calling, intended, nova);
  const late = { ...nova, queue: [...nova.queue, 0] };
  const { kind } = step;
  const found: Called[] = [
    done
      ? { name: `${kind}: accepted`, to: { nova: done, mover: after('sent') }, cost: 0 }
      : { name: `${kind}: refused`, to: { nova, mover: refused }, cost: 0 },
    { name: `${kind}: the reply is lost`, to: { nova: done ?? nova, mover: after('unknown') }, cost: 1 },
    { name: `${kind}: the request is lost`, to: { nova, mover: after('unknown') }, cost: 1 },
    {
      name: `${kind}: carried out, and the engine dies`,
      to: { nova: done ?? nova, mover: resumed(calling, nova) },
      cost: 1,
    },
    { name: `${kind}: not sent, and the engine dies`, to: { nova, mover: resumed(calling, nova) }, cost: 1 },
  ];
  if (request !== 'evacuate') return found;
  found.push({ name: 'evacuate: the request is late', to: { nova: late, mover: after('unknown') }, cost: 1 });
  found.push({
    name: 'evacuate: late, and the engine dies',
    to: { nova: late, mover: resumed(calling, nova) },
    cost: 1,
  });
  return found;
}

function failedIn(mover: Mover, step: JournaledStep, nova: Nova): Mover {
  return {
    ...settled(
      mover,
      step,
      'failed',
      evacuationsIn(nova).map(({ id }) => id),
    ),
    pause: 1,
  };
}

function overIn(nova: Nova): string[] {
  return evacuationsIn(nova)
    .filter(({ status }) => status !== 'accepted')
    .map(({ id }) => id);
}

function violationsAtEnd({ nova, mover }: State): string[] {
  if (mover.result !== 'moved') return [];
  const found: string[] = [];
  if (nova.host !== 'target') found.push('a move counts as done and the instance is on its source');
  const wanted = { running: 'active', stopped: 'stopped', error: 'error' }[mover.wanted];
  if (nova.task === null && nova.vm !== wanted)
    found.push(`a move counts as done and the instance is ${nova.vm}, not ${wanted}`);
  return found;
}

function keyOf(state: State): string {
  return JSON.stringify(state);
}

function wayTo(
  seen: ReadonlyMap<string, { readonly from: string | null; readonly name: string }>,
  key: string,
): string[] {
  const way: string[] = [];
  for (let at = seen.get(key); at?.from; at = seen.get(at.from)) way.unshift(at.name);
  return way;
}
