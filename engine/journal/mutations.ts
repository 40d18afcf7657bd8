/** Mutations of the journal: requests as plain data, so that they can pass to the journal's thread. */
import type {
  AcceptedAs,
  AtomRow,
  AtomState,
  AuditKind,
  AuditOrigin,
  AuditOutcome,
  DecisionKind,
  FlowRow,
  FlowState,
  LogbookRow,
  LogbookStatus,
  NotificationType,
  Phase,
  Proof,
  ProofCheckRow,
  RevertCause,
  StepRow,
  StepState,
} from './rows.ts';

export interface AcceptNotification {
  readonly op: 'accept';
  readonly uuid: string;
  readonly type: NotificationType;
  readonly host: string;
  readonly target: string;
  /** Canonical JSON: keys sorted, so that equal payloads are equal texts. */
  readonly payload: string;
  readonly generatedAt: number;
  readonly status: AcceptedAs;
  readonly message: string | null;
  readonly duplicateIntervalMs: number;
  readonly proof?: Proof;
  /** Transit time of the report, as its sender measured it, ms; without it the sender did not measure. */
  readonly ageMs?: number;
  /** The reporter; without it the engine itself. */
  readonly origin?: AuditOrigin;
  /** What the acceptance was decided by, for the journal. */
  readonly facts?: DecisionFacts;
  readonly limits?: DecisionFacts;
  readonly at: number;
}

export interface AcceptResult {
  readonly logbook: LogbookRow;
  /** The report repeats this earlier one, which `logbook` is; at most a stronger proof of the death was added to it. */
  readonly isDuplicate: boolean;
  /** The duplicate brought a stronger proof of the death. */
  readonly isStronger?: boolean;
}

export interface ChangeLogbook {
  readonly op: 'logbook';
  readonly uuid: string;
  readonly status: LogbookStatus;
  /** Refused unless this is its status when it is written. */
  readonly from?: LogbookStatus;
  readonly message?: string | null;
  readonly retryAt?: number | null;
  /** An operator states now that the host is down. */
  readonly provedAt?: number;
  readonly proof?: Proof;
  /** Reason of the wait; null ends the wait. Without it nothing changes. */
  readonly parked?: { readonly reason: string; readonly by: string | null } | null;
  /** An operator starts a round. */
  readonly retried?: 1;
  /** Adds this time to the time that engines had it open. */
  readonly waitedMs?: number;
  readonly followUps?: number;
  /** Adds one to the number of failed attempts; `work`: also to the number of those that no outage caused. */
  readonly failed?: 'work' | 'outage';
  readonly at: number;
}

/** The host of an open notification has another name in Nova: from now on it is journaled under that one. */
export interface RenameHost {
  readonly op: 'rename_host';
  readonly uuid: string;
  readonly host: string;
  readonly target: string;
}

export interface OpenFlow {
  readonly op: 'open_flow';
  readonly logbookUuid: string;
  readonly flowUuid: string;
  readonly name: string;
  readonly target: string;
  readonly plan: string;
  readonly configHash: string;
  readonly atoms: readonly { readonly phase: Phase; readonly name: string }[];
  readonly at: number;
}

/** A flow with its tasks and their steps in their current state. */
export interface FlowSnapshot {
  readonly flow: FlowRow;
  readonly atoms: readonly AtomRow[];
  readonly steps: readonly StepRow[];
}

export interface ResumeFlow {
  readonly op: 'resume_flow';
  readonly flowId: number;
}

/** The flow is left open in good order, for the next engine or for an operator command. */
export interface LeaveFlow {
  readonly op: 'leave_flow';
  readonly flowId: number;
}

/** The flow is rolled back; `error` is the reason. */
export interface RevertFlow {
  readonly op: 'revert_flow';
  readonly flowId: number;
  readonly cause: RevertCause;
  readonly error: string;
}

export interface ChangeAtom {
  readonly op: 'atom';
  readonly atomId: number;
  readonly state?: AtomState;
  readonly progress?: number;
  readonly result?: string;
  readonly error?: string | null;
  /** Adds one to the number of attempts. */
  readonly tried?: 1;
  readonly at: number;
}

export interface AddEvent {
  readonly op: 'event';
  readonly flowId: number;
  readonly atomId: number | null;
  readonly message: string;
  /** 0–1; stored as the task's progress too. */
  readonly progress: number;
  readonly at: number;
}

export interface PlannedStep {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  readonly before: unknown;
  readonly detail?: unknown;
}

export interface PlanSteps {
  readonly op: 'plan_steps';
  readonly atomId: number;
  readonly steps: readonly PlannedStep[];
}

export interface ChangeStep {
  readonly op: 'step';
  readonly stepId: number;
  readonly state: StepState;
  readonly detail?: unknown;
  readonly requestId?: string | null;
  readonly error?: string | null;
  readonly at: number;
}

export interface CloseFlow {
  readonly op: 'close_flow';
  readonly flowId: number;
  readonly state: FlowState;
  readonly error: string | null;
  readonly at: number;
}

export interface ChangeHost {
  readonly op: 'host';
  readonly name: string;
  readonly reserved: 0 | 1;
  readonly by: string;
  readonly at: number;
}

/** An operator declares that Nova will never finish an evacuation. */
export interface AbandonEvacuation {
  readonly op: 'abandon_evacuation';
  readonly record: string;
  readonly instance: string;
  readonly by: string;
  readonly at: number;
}

/** An operator approves the start of an open recovery. */
export interface ApproveRecovery {
  readonly op: 'approve';
  readonly uuid: string;
  /** The operator states now that the host is down, ms UTC. */
  readonly provedAt?: number;
}

/** An operator changes the priority of an open recovery. */
export interface SetPriority {
  readonly op: 'priority';
  readonly uuid: string;
  readonly priority: number;
}

/** A recovery leaves an instance where it is; of one whose evacuation was requested before, nothing changes. */
export interface SkipInstance {
  readonly op: 'skip';
  readonly uuid: string;
  readonly instance: string;
  readonly at: number;
}

/** What a program showed about the death of the host of a recovery; it replaces its earlier result. */
export interface RecordProof {
  readonly op: 'proof_check';
  readonly uuid: string;
  readonly name: string;
  readonly kind: string;
  readonly state: ProofCheckRow['state'];
  readonly detail: string;
  readonly at: number;
}

/** An operator begins or ends work on a host; beginning it again replaces who and why. */
export interface SetMaintenance {
  readonly op: 'maintenance';
  readonly host: string;
  readonly state: 'on' | 'off';
  readonly by: string;
  readonly reason: string | null;
  readonly at: number;
}

/** Recoveries are paused; a pause replaces an earlier one. */
export interface PauseRecoveries {
  readonly op: 'pause';
  readonly by: string;
  readonly reason: string | null;
  /** Null: until `unpause`. */
  readonly forMs: number | null;
  readonly at: number;
}

export interface UnpauseRecoveries {
  readonly op: 'unpause';
}

/** The copies of the key ring that are older than one an engine has seen. */
export interface SetKeyFloor {
  readonly op: 'key_floor';
  /** JSON. */
  readonly floor: string;
  readonly at: number;
}

/** One entry of the audit. It belongs into the transaction of the change that it records. */
export interface AddAuditEntry {
  readonly op: 'audit';
  readonly kind: AuditKind;
  /** What was requested, e.g. `retry`. */
  readonly action: string;
  readonly origin: AuditOrigin;
  /** The uuid of its recovery. */
  readonly notification?: string | null;
  /** Its host. */
  readonly object?: string | null;
  /** The operator's statements against the engine's evidence. */
  readonly overridden?: readonly string[];
  readonly outcome: AuditOutcome;
  readonly message?: string | null;
  /** The number of refusals that it represents; 1 without it. */
  readonly times?: number;
  /** The time of the first of these; `at` without it. */
  readonly firstAt?: number;
  readonly at: number;
}

/** Facts or limits of a decision, as JSON. */
export interface DecisionFacts {
  readonly [name: string]: DecisionFact;
}
export type DecisionFact = null | boolean | number | string | readonly DecisionFact[] | DecisionFacts;

/** A decision about a recovery. It belongs into the transaction of its effect. */
export interface AddDecision {
  readonly op: 'decision';
  /** Of the recovery. */
  readonly uuid: string;
  readonly kind: DecisionKind;
  readonly outcome: string;
  /** The gate or the rule that decided. */
  readonly rule: string | null;
  /** A sentence for the operator. */
  readonly reason: string | null;
  readonly facts: DecisionFacts;
  readonly limits?: DecisionFacts;
  readonly at: number;
}

export type Mutation =
  | AcceptNotification
  | ChangeLogbook
  | RenameHost
  | OpenFlow
  | ResumeFlow
  | LeaveFlow
  | RevertFlow
  | ChangeAtom
  | AddEvent
  | PlanSteps
  | ChangeStep
  | CloseFlow
  | ChangeHost
  | AbandonEvacuation
  | AddAuditEntry
  | AddDecision
  | ApproveRecovery
  | RecordProof
  | SetPriority
  | SkipInstance
  | SetMaintenance
  | PauseRecoveries
  | UnpauseRecoveries
  | SetKeyFloor;
