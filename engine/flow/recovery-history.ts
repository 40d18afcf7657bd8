/**
 * What the journal shows a task about its recovery, and about other recoveries that touched the same objects.
 *
 * Invariant: it shows only what is committed, so that the next engine reads the same.
 */

import type { Clock } from '#protocol/clock.ts';
import type { Log } from '#protocol/log.ts';
import { type HostReturn, returnSince, signOf } from '../intake/host-return.ts';
import { repeatOvertakenReturn } from '../intake/overtaken-return.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { MovedAway, OpenEvacuation } from '../journal/queries.ts';
import type { AtomState, StepState } from '../journal/rows.ts';
import type { Json, Values } from './plan.ts';

/** The journal's record of an instance from before this flow: see `queries.originals`. */
export interface EarlierMove {
  readonly instance: string;
  readonly before: Json;
  /** The last flow that touched it left steps that are neither done nor skipped. */
  readonly unfinished: boolean;
}

/** A step of another task of the same recovery. */
export interface EarlierStep {
  /** `this`: of another task of the flow, e.g. of another occurrence of the same one. */
  readonly flow: 'this' | 'other';
  readonly state: StepState;
  /** State of its task: `REVERTED` and `REVERT_FAILURE` if its flow rolled it back. */
  readonly taskState: AtomState;
  /** The plan of that flow has an undo for the task; without it `REVERTED` means that nothing was undone. */
  readonly hasUndo: boolean;
  /** The state of the object before its first call. */
  readonly before: Json;
  readonly detail: Values;
  readonly error: string | null;
}

/** An instance that the recovery of its crash stopped, and has not started again yet. */
export interface StoppedInstance {
  /** Before the stop. */
  readonly vmState: string;
  /** Nova's id of the stop; null if the response was lost. */
  readonly requestId: string | null;
}

export interface RecoveryHistory {
  /** Steps of this key in all other tasks of the recovery, those of other flows included, oldest first. */
  earlierSteps(key: string): Promise<readonly EarlierStep[]>;
  /** Instances that other tasks of the recovery moved, with their earlier state and the record of the move. */
  movedBefore(): Promise<readonly { readonly before: Json; readonly detail: Values }[]>;
  /** Instances of a host that open recoveries of their own crashes stopped. */
  stoppedByRecoveries(host: string): Promise<ReadonlyMap<string, StoppedInstance>>;
  /** Whether this recovery has requested anything of the cloud yet, in any of its flows. */
  hasStarted(): Promise<boolean>;
  /** Whether this flow requested that the host is forced down, and the outcome of the request is still unknown. */
  isForceDownRequested(): Promise<boolean>;
  /** The report that the host of this recovery returned; null if there is none. `sign`: e.g. "came back at …". */
  returnedSince(): Promise<{ readonly sign: string; readonly order: HostReturn['order'] } | null>;
  /** The host of this recovery is alive: called before the recovery ends for that reason. */
  noteLife(): Promise<void>;
  /** Instances of a host that unfinished recoveries have touched. */
  earlierMoves(host: string): Promise<readonly EarlierMove[]>;
  /** Instances that recoveries moved off a host and that no recovery has migrated home since. */
  movedAway(host: string): Promise<readonly MovedAway[]>;
  /** Instances of which another task requested an evacuation from this host with an unknown end; see `queries.openEvacuations`. */
  openEvacuations(host: string): Promise<readonly OpenEvacuation[]>;
  /** Evacuation records of an instance that operators declared abandoned: Nova will never end them. */
  abandonedEvacuations(instance: string): Promise<readonly string[]>;
  /** Instances that this recovery leaves where they are, by an operator command. */
  skipped(): Promise<readonly string[]>;
}

/** The task that reads, by the ids of its rows in the journal. */
export interface TaskPlace {
  readonly logbookId: number;
  readonly flowId: number;
  readonly atomId: number;
}

interface HistoryParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
}

export function historyFor({ journal, clock, log }: HistoryParts, place: TaskPlace): RecoveryHistory {
  return {
    earlierSteps: async (key) =>
      (await journal.query('stepsElsewhere', { atomId: place.atomId, key })).map((row) => ({
        flow: row.same_flow === 1 ? 'this' : 'other',
        state: row.state,
        taskState: row.atom_state,
        hasUndo: row.has_undo === 1,
        before: JSON.parse(row.before),
        detail: JSON.parse(row.detail),
        error: row.error,
      })),
    movedBefore: async () =>
      (await journal.query('evacuatedElsewhere', place.atomId)).map(({ before, detail }) => ({
        before: JSON.parse(before),
        detail: JSON.parse(detail),
      })),
    stoppedByRecoveries: async (host) =>
      new Map(
        (await journal.query('stoppedByRecoveries', host)).map(({ instance, before, request_id }) => {
          const { vmState = '' }: { readonly vmState?: string } = JSON.parse(before);
          return [instance, { vmState, requestId: request_id }];
        }),
      ),
    hasStarted: () => journal.query('hasStarted', place.logbookId),
    isForceDownRequested: () => journal.query('isForceDownRequested', place.flowId),
    noteLife: async () => {
      const logbook = await journal.query('logbookById', place.logbookId);
      if (logbook) await repeatOvertakenReturn({ journal, clock, log }, logbook);
    },
    returnedSince: async () => {
      const logbook = await journal.query('logbookById', place.logbookId);
      const found = logbook && kindOf(logbook) === 'COMPUTE_HOST' ? await returnSince(journal, logbook) : null;
      return found && { sign: signOf(found), order: found.order };
    },
    earlierMoves: async (host): Promise<EarlierMove[]> =>
      (await journal.query('originals', host)).map((row) => ({
        instance: row.instance,
        before: JSON.parse(row.before),
        unfinished: row.unfinished === 1,
      })),
    movedAway: (host) => journal.query('movedAway', { flowId: place.flowId, host }),
    openEvacuations: (host) => journal.query('openEvacuations', { atomId: place.atomId, host }),
    abandonedEvacuations: (instance) => journal.query('abandonedEvacuations', instance),
    skipped: () => journal.query('skips', place.logbookId),
  };
}
