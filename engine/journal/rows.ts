/** The values of the journal's columns and the rows that it returns. Times are ms UTC. */

import type { ACCEPTED_STATUSES, NotificationStatus } from '#protocol/notification-status.ts';

export type NotificationType = 'COMPUTE_HOST' | 'PROCESS' | 'VM';
/** Masakari's notification states. */
export type LogbookStatus = NotificationStatus;
/** taskflow's states; a flow uses those that make sense for it. */
export type AtomState = 'PENDING' | 'RUNNING' | 'SUCCESS' | 'FAILURE' | 'REVERTING' | 'REVERTED' | 'REVERT_FAILURE';
export type FlowState = 'RUNNING' | 'SUCCESS' | 'FAILURE' | 'REVERTING' | 'REVERTED' | 'REVERT_FAILURE' | 'ABANDONED';
/** Why a flow is rolled back. `work` and `outage`: a task failed in this way. `order`: an operator command. */
export type RevertCause = 'work' | 'outage' | 'order';
export type StepState = 'planned' | 'intent' | 'sent' | 'done' | 'failed' | 'unknown' | 'skipped';
/** Proof that a host is down. `fencing`: fenced, as its watcher saw; `operator`: an operator's statement. */
export type Proof = 'none' | 'fencing' | 'operator';
export type Phase = 'pre' | 'main' | 'post';
/** The state of a report at its acceptance. `finished`: no action is needed, e.g. for a host that came back. */
export type AcceptedAs = (typeof ACCEPTED_STATUSES)[number];

/** The origin of a report or a command; see `Origin` of the protocol. */
export interface AuditOrigin {
  readonly caller: { readonly identity: string; readonly roles: readonly string[]; readonly address: string };
  readonly user: {
    readonly uid: number;
    readonly user: string | null;
    readonly sudo_uid: number | null;
    readonly sudo_user: string | null;
  } | null;
  /** The operator's. */
  readonly reason: string | null;
}

export type AuditKind = 'report' | 'refusal' | 'command';
/** The result of a report or a command. `duplicate`: it repeats an earlier report. `ignored`: accepted, and not acted on. */
export type AuditOutcome = 'accepted' | 'duplicate' | 'ignored' | 'refused';

/**
 * What is decided about a recovery. `acceptance`: what a report means. `gate`, `queue`, `crash_back_off`: whether it may start.
 * `return`: its host came back. `method`: the next flow. `life`: whether its host is dead. `engine_failure`: how a flow that an engine left
 * is continued. `end`: how a round ends.
 */
export const DECISION_KINDS = [
  'acceptance',
  'gate',
  'queue',
  'crash_back_off',
  'return',
  'method',
  'life',
  'engine_failure',
  'end',
] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

/** States in which a step may have taken effect without our knowing the end. */
export const UNSETTLED_STEP_STATES: readonly StepState[] = ['intent', 'sent', 'unknown'];

/** An accepted report and its state. */
export interface LogbookRow {
  readonly id: number;
  readonly uuid: string;
  readonly type: NotificationType;
  readonly host: string;
  /** The object of a recovery: `host:NAME` or `instance:UUID`. */
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
  /** Of these, those that no outage of the cloud caused. */
  readonly work_failures: number;
  /** When an operator last stated that the host is down, ms UTC. */
  readonly proved_at: number | null;
  /** When the engine next processes it by itself, by the clock of the writer of `updated_at`. */
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
  /** The earliest stamp among its reports, ms UTC, if a duplicate had an earlier one than `generated_at`. */
  readonly earliest_at: number | null;
  /** Outstanding follow-up reads of its host since it finished. */
  readonly follow_ups: number;
  /** An operator approved its start although a gate holds it. */
  readonly approved: 0 | 1;
  /** Given by an operator; of recoveries that may start, the greatest number is the first. */
  readonly priority: number;
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
  /** `ABANDONED`: closed in favour of one that starts from the beginning. */
  readonly state: FlowState;
  /** Number of times that an engine resumed it after another one had left it open. */
  readonly resumes: number;
  /** Epoch of the engine that left it open in good order; null while an engine runs it, and after an engine failure. */
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
  /** JSON: the data by which the task recognises its own call, and its result. */
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

/** One entry of the audit. */
export interface AuditRow {
  readonly id: number;
  /** Numbers the entries of a kind. */
  readonly seq: number;
  readonly at: number;
  readonly kind: AuditKind;
  /** What was requested, e.g. `notify`, `retry`. */
  readonly action: string;
  readonly identity: string;
  /** JSON: a list of roles. */
  readonly roles: string;
  readonly address: string | null;
  readonly uid: number | null;
  readonly user: string | null;
  readonly sudo_uid: number | null;
  readonly sudo_user: string | null;
  /** The uuid of its recovery. */
  readonly notification: string | null;
  /** Its host. */
  readonly object: string | null;
  /** JSON: a list of the operator's statements against the engine's evidence. */
  readonly overridden: string;
  /** The operator's. */
  readonly reason: string | null;
  readonly outcome: AuditOutcome;
  /** Of a report: its event. Of a refusal: the reason. */
  readonly message: string | null;
  /** The number of refusals that it represents. */
  readonly times: number;
  /** The time of the first of these. */
  readonly first_at: number;
  readonly epoch: number;
  readonly served_ms: number;
}

/** One decision about a recovery. */
export interface DecisionRow {
  readonly id: number;
  readonly logbook_id: number;
  readonly at: number;
  readonly epoch: number;
  readonly kind: DecisionKind;
  /** E.g. `hold`, `pass`, `run`, or the status of an end. */
  readonly outcome: string;
  /** The gate or the rule that decided. */
  readonly rule: string | null;
  readonly reason: string | null;
  /** JSON. */
  readonly facts: string;
  /** JSON. */
  readonly limits: string;
  /** The number of equal decisions that it represents. */
  readonly times: number;
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

/** The last result of a program that proves deaths, for one recovery. */
export interface ProofCheckRow {
  readonly name: string;
  readonly kind: string;
  /** `running`: the program was started, and the engine has not recorded its end. */
  readonly state: 'running' | 'dead' | 'alive' | 'unknown';
  readonly detail: string;
  readonly at: number;
}

/** A host on which an operator works. */
export interface MaintenanceRow {
  readonly host: string;
  readonly set_by: string;
  readonly reason: string | null;
  readonly set_at: number;
}

/** The pause of all recoveries that an operator commanded. */
export interface PauseRow {
  readonly paused_by: string;
  readonly reason: string | null;
  readonly paused_at: number;
  /** Rest of its length, ms; null: it ends by a command only. */
  readonly left_ms: number | null;
}
