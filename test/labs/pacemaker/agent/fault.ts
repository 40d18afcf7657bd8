/** What may be wrong on a node, and what each action has to return then. */
import type { Environment, Place } from './place.ts';

export const ACTIONS = ['probe', 'monitor', 'stop', 'start', 'validate-all', 'meta-data'] as const;
export type ActionName = (typeof ACTIONS)[number];
export type Codes = Readonly<Record<ActionName, number>>;

/** Whether the fault meets a node without an engine of the resource, or one where it runs well. */
export const STATES = ['stopped', 'running'] as const;
export type State = (typeof STATES)[number];

export interface Fault {
  readonly group: string;
  /** Unique; read by operators in the generated table. */
  readonly name: string;
  /** What the cluster passes to each action of a node with the fault, beside the usual. */
  readonly environment?: (place: Place) => Environment;
  /** Variables that the caller does not set. */
  readonly without?: readonly string[];
  /** Brings the fault about. In state `running` the engine runs already. */
  readonly arrange?: (place: Place) => Promise<unknown> | unknown;
  /** The program and arguments before the agent that make the caller what it is. */
  readonly caller?: (place: Place) => readonly string[];
  /** Differences from a healthy node. A state that is not named is not tried. */
  readonly stopped?: Partial<Codes>;
  readonly running?: Partial<Codes>;
}

/** A healthy node. */
export const HEALTHY: Readonly<Record<State, Codes>> = {
  stopped: { probe: 7, monitor: 7, stop: 0, start: 0, 'validate-all': 0, 'meta-data': 0 },
  running: { probe: 0, monitor: 0, stop: 0, start: 0, 'validate-all': 0, 'meta-data': 0 },
};

export function expectedCodes(fault: Fault, state: State): Codes {
  return { ...HEALTHY[state], ...fault[state] };
}

/** Gives faults their group. */
export function group(name: string, faults: readonly Omit<Fault, 'group'>[]): readonly Fault[] {
  return faults.map((fault) => ({ group: name, ...fault }));
}
