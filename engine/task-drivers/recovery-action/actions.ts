/** The actions of a chain, as the configuration checked them when the plan was frozen. */
import type { ACTIONS } from '#config/pipelines/drivers/recovery-action.ts';
import type { InstanceSnapshot } from '../../evacuation/original-state-decision.ts';
import type { Json } from '../../flow/plan.ts';

export type ActionName = (typeof ACTIONS)[number];

export interface Action {
  readonly name: ActionName;
  /** Its place in the chain, from 0. */
  readonly index: number;
  readonly params: { readonly [name: string]: Json };
}

export function actionsOf(value: Json): readonly Action[] {
  const actions = Array.isArray(value) ? (value as readonly { name: ActionName; params?: Action['params'] }[]) : [];
  return actions.map(({ name, params = {} }, index) => ({ name, index, params }));
}

/** The outcome of one action on one instance. */
export interface Outcome {
  readonly instance: InstanceSnapshot;
  /** Null: it did not fail. */
  readonly failure: string | null;
  /** Only an operator can find out whether it was done. */
  readonly isDoubtful: boolean;
  /** Nova gave no response about it: waiting may help. */
  readonly isUnanswered: boolean;
  /** Why it was left unchanged without a fault: it gets no further actions. Null: it was not. */
  readonly leftFor: string | null;
  /** Where the action moved it; null if it did not move it. */
  readonly host: string | null;
}

export function well(instance: InstanceSnapshot, host: string | null = null): Outcome {
  return { instance, failure: null, isDoubtful: false, isUnanswered: false, leftFor: null, host };
}

export function badly(
  instance: InstanceSnapshot,
  failure: string,
  how: Partial<Pick<Outcome, 'isDoubtful' | 'isUnanswered'>> = {},
): Outcome {
  return { ...well(instance), failure, ...how };
}

export function left(instance: InstanceSnapshot, reason: string): Outcome {
  return { ...well(instance), leftFor: reason };
}
