/** The words of the journal's columns and the rows that leave it. Times are ms UTC. */

export type NotificationType = 'COMPUTE_HOST' | 'PROCESS' | 'VM';
/** Masakari's notification states. */
export type LogbookStatus = 'new' | 'running' | 'error' | 'failed' | 'ignored' | 'finished';
/** taskflow's words; a flow uses those that make sense for it. */
export type AtomState = 'PENDING' | 'RUNNING' | 'SUCCESS' | 'FAILURE' | 'REVERTING' | 'REVERTED' | 'REVERT_FAILURE';
export type FlowState = 'RUNNING' | 'SUCCESS' | 'FAILURE' | 'REVERTING' | 'REVERTED' | 'REVERT_FAILURE' | 'ABANDONED';
/** Why a flow goes back. `work` and `outage`: a task failed so. `order`: an operator said so. */
export type RevertCause = 'work' | 'outage' | 'order';
export type StepState = 'planned' | 'intent' | 'sent' | 'done' | 'failed' | 'unknown' | 'skipped';
/** What shows that a host is dead. `fencing`: fenced, as its watcher saw; `operator`: a person's word. */
export type Proof = 'none' | 'fencing' | 'operator';
export type Phase = 'pre' | 'main' | 'post';
/** The verdict on a report at its acceptance. `finished`: there is nothing to do about it, e.g. a host that came back. */
export type AcceptedAs = 'new' | 'ignored' | 'finished';

export const OPEN_STATUSES: readonly LogbookStatus[] = ['new', 'running', 'error'];
/** States in which a step may have reached the world without our knowing the end. */
export const UNSETTLED_STEP_STATES: readonly StepState[] = ['intent', 'sent', 'unknown'];

/** What was accepted, and what became of it. */
export interface LogbookRow {
  readonly id: number;
  readonly uuid: string;
  readonly type: NotificationType;
  readonly host: string;
  /** What a recovery of it works on: `host:NAME` or `instance:UUID`. */
  readonly target: string;
  readonly generated_at: number;
  /** JSON, keys sorted. */
  readonly payload: string;
  readonly accepted_at: number;
  readonly accepted_as: AcceptedAs;
  readonly updated_at: number;
  readonly closed_at: number | null;
  readonly status: LogbookStatus;
  readonly message: string | null;
  /** Attempts (retries by the engine included) that ended in error. */
  readonly failures: number;
  /** Of these, those that no outage of the cloud was to blame for. */
  readonly work_failures: number;
  /** When an operator last said that the host is down, ms UTC. */
  readonly proved_at: number | null;
  /** When the engine looks at it again by itself, by the clock of who wrote `updated_at`. */
  readonly retry_at: number | null;
  /** Why it waits although it is open; null: it does not. */
  readonly parked_reason: string | null;
  /** The uuid of the recovery whose end it waits for. */
  readonly parked_by: string | null;
  readonly proof: Proof;
  /** The id of the newest notification when an operator last stated that the host is down. */
  readonly proved_after: number | null;
  /** Rounds that operators started by `retry`. */
  readonly retried: number;
  /** How long engines had it open, in CLOCK_BOOTTIME ms, up to the last change. */
  readonly waited_ms: number;
  /** The earliest stamp among the reports that it stands for, ms UTC, where a duplicate had an earlier one than `generated_at`. */
  readonly earliest_at: number | null;
  /** Looks at its host that are owed since it finished. */
  readonly follow_ups: number;
}

export interface FlowRow {
  readonly id: number;
  readonly logbook_id: number;
  readonly uuid: string;
  readonly attempt: number;
  readonly name: string;
  readonly target: string;
  /** JSON: the frozen plan. */
  readonly plan: string;
  readonly config_hash: string;
  /** `ABANDONED`: closed in favour of one that begins anew. */
  readonly state: FlowState;
  /** How often an engine took it up that another one had left open. */
  readonly resumes: number;
  /** Epoch of the engine that left it open in good order; null while one is at it, and after a death. */
  readonly left_by: number | null;
  readonly revert_cause: RevertCause | null;
  readonly started_at: number;
  readonly closed_at: number | null;
  readonly error: string | null;
}

export interface AtomRow {
  readonly id: number;
  readonly flow_id: number;
  readonly ord: number;
  readonly phase: Phase;
  readonly name: string;
  readonly state: AtomState;
  readonly progress: number;
  readonly tries: number;
  /** JSON: the task's outputs by name. */
  readonly result: string | null;
  readonly error: string | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

export interface StepRow {
  readonly id: number;
  readonly atom_id: number;
  readonly ord: number;
  readonly key: string;
  readonly kind: string;
  /** The instance or host it acts on. */
  readonly object: string;
  readonly state: StepState;
  /** JSON: the state of the object before the first call. */
  readonly before: string;
  /** JSON: what the task needs to recognise its own call, and what came of it. */
  readonly detail: string;
  readonly request_id: string | null;
  readonly error: string | null;
  readonly epoch: number;
  readonly intent_at: number | null;
  readonly sent_at: number | null;
  readonly ended_at: number | null;
}

export interface EventRow {
  readonly flow_id: number;
  readonly seq: number;
  readonly atom_id: number | null;
  readonly at: number;
  readonly message: string;
  readonly progress: number;
  readonly epoch: number;
}

export interface LeaseRow {
  readonly epoch: number;
  readonly owner: string;
  readonly node: string;
  readonly pid: number;
  readonly boot_id: string;
  readonly taken_at: number;
  readonly beat_at: number;
  readonly state: 'held' | 'released';
  /** CLOCK_BOOTTIME ms in which engines held the lease: the clock of retention. */
  readonly served_ms?: number;
}
