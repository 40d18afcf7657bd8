/** The engine's responses to `status`, `list` and `show`, and the output of `--json`. Times are ISO 8601, UTC. */

import type { NotificationStatus } from './notification-status.ts';

export interface NotificationView {
  readonly notification_uuid: string;
  readonly type: 'COMPUTE_HOST' | 'PROCESS' | 'VM';
  readonly hostname: string;
  readonly payload: Readonly<Record<string, string>>;
  readonly generated_time: string;
  readonly status: NotificationStatus;
  /** The reason of its status; null if there is none. */
  readonly message: string | null;
  readonly accepted_at: string;
  readonly updated_at: string;
  readonly closed_at: string | null;
  /** The time at which the engine retries it by itself. */
  readonly retry_at: string | null;
  /** Why it waits although it is open; null if it does not. */
  readonly parked_reason: string | null;
}

/** One line of progress. */
export interface EventView {
  /** The ID of the flow, as in the cloud's logs: `req-<uuid>`. */
  readonly request_id: string;
  /** The `name` of the task in `tasks`; null for a line of the flow itself. */
  readonly task: string | null;
  /** The task, by Masakari's class name; null for a line of the flow itself. */
  readonly action: string | null;
  readonly time: string;
  readonly message: string;
  /** 0–1 of its task. */
  readonly progress: number;
  /** The epoch of the engine that wrote it: increases with each take-over. */
  readonly epoch: number;
}

export interface TaskView {
  readonly phase: 'pre' | 'main' | 'post';
  /** Unique in the flow: the name in the lists, with `#2` at its second place in them, and so on. */
  readonly name: string;
  /** The task, by Masakari's class name; a task of an operator by its name in the lists. */
  readonly action: string;
  /** taskflow's word: `PENDING`, `RUNNING`, `SUCCESS`, `FAILURE`, `REVERTING`, `REVERTED`, `REVERT_FAILURE`. */
  readonly state: string;
  /** Its condition was not met: it did nothing, in any state. */
  readonly skipped: boolean;
  /** A rollback undoes it. `REVERTED` without this: the rollback skipped it, and its effect stays. */
  readonly undo: boolean;
  /** Its outputs for later tasks, by name; null before its end. Long values are omitted. */
  readonly outputs: Readonly<Record<string, unknown>> | null;
  /** Names of outputs that are omitted here; the journal has them. */
  readonly outputs_left_out: readonly string[];
  readonly progress: number;
  readonly tries: number;
  readonly error: string | null;
  readonly start_time: string | null;
  readonly end_time: string | null;
}

/** The result for one instance of a host that failed, or that returned. */
export interface InstanceView {
  readonly instance_uuid: string;
  readonly name: string;
  readonly from: string;
  readonly to: string | null;
  /** `moved`, `moving`, `waiting`, `failed`, `unknown`, `deleted`; `left`: it stays where it is. */
  readonly state: string;
  /** Its state before the failure, which is restored: e.g. `active`, `stopped`. */
  readonly original_state: string;
  /** From the request to the arrival. */
  readonly seconds: number | null;
  readonly request_id: string | null;
  readonly reason: string | null;
}

export interface FlowView {
  readonly flow_uuid: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly name: string;
  readonly state: string;
  readonly resumes: number;
  readonly reserved_host: string | null;
  readonly started_at: string;
  readonly closed_at: string | null;
  readonly error: string | null;
  readonly tasks: readonly TaskView[];
  readonly events: readonly EventView[];
  readonly instances: readonly InstanceView[];
}

/** One entry of the audit: a report, a refusal or an operator's command. */
export interface AuditView {
  readonly time: string;
  readonly kind: 'report' | 'refusal' | 'command';
  /** The request, e.g. `notify`, `retry`. */
  readonly action: string;
  /** The name of the host, as its key or certificate has it; `local` for the engine's unix socket, `engine` for the engine itself. */
  readonly identity: string;
  readonly roles: readonly string[];
  /** IP address of the peer; null for a unix socket. */
  readonly address: string | null;
  /** The user of the command line, as the command line reports it; null if that is unknown. */
  readonly uid: number | null;
  readonly user: string | null;
  /** The user who called sudo. */
  readonly sudo_uid: number | null;
  readonly sudo_user: string | null;
  /** Its recovery, also after that was removed from the journal. */
  readonly notification_uuid: string | null;
  /** Its host. */
  readonly object: string | null;
  /** The operator's statement against the engine's evidence: `host-is-down`, `done TASK`, `not-done TASK`, `abandon-evacuation UUID`. */
  readonly overridden: readonly string[];
  /** The operator's reason; null if none was given. */
  readonly reason: string | null;
  /** `duplicate`: it repeats an earlier report. `ignored`: accepted without an action. */
  readonly outcome: 'accepted' | 'duplicate' | 'ignored' | 'refused';
  /** Of a report: the reported event. Of a refusal: the reason. */
  readonly message: string | null;
  /** The number of refusals in this entry; `first_time`: of the first of them. */
  readonly times: number;
  readonly first_time: string;
  /** The epoch of the engine that wrote it. */
  readonly epoch: number;
}

/** One decision about a recovery, as it was made. */
export interface DecisionView {
  readonly time: string;
  /** The epoch of the engine that decided: increases with each take-over. */
  readonly epoch: number;
  /** `acceptance`, `gate`, `queue`, `crash_back_off`, `return`, `method`, `life`, `engine_failure` or `end`. */
  readonly kind: string;
  /**
   * `hold` or `pass`; of an acceptance `accepted`, `ignored`, `finished` or `duplicate`; of a method `run`; of a life `dead`; of a failure of an engine
   * `resume`, `restart`, `rollback` or `dead_letter`; of an end the status.
   */
  readonly outcome: string;
  /** The gate or the rule that decided; null if none held it. */
  readonly rule: string | null;
  readonly reason: string | null;
  /** What was known. `left_out` names facts that were too long. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** The limits and timers that it was decided by. */
  readonly limits: Readonly<Record<string, unknown>>;
  /** The number of equal decisions that it represents: older ones were removed from the journal. */
  readonly times: number;
}

/** The times of the recovery of one instance. */
export interface RecoveryTimeView {
  readonly instance_uuid: string;
  /** By the report, and no later than its acceptance. */
  readonly detected_at: string;
  readonly accepted_at: string;
  /** The first flow started. */
  readonly decided_at: string | null;
  /** The first call about the instance was journaled. A repeated call replaces the time of the call before it. */
  readonly called_at: string | null;
  /** Nova showed the instance in its original state. */
  readonly confirmed_at: string | null;
  /** From the detection to the confirmation. */
  readonly seconds: number | null;
}

export interface RecoveryView {
  readonly notification: NotificationView;
  /** The newest 200 entries of the audit about it, oldest first. */
  readonly audit: readonly AuditView[];
  /** What programs last showed about the death of its host. */
  readonly proofs: readonly ProofCheckView[];
  /** The decisions about it, oldest first. */
  readonly decisions: readonly DecisionView[];
  readonly flows: readonly FlowView[];
  /** Of each instance that the recovery restores. */
  readonly recovery_times: readonly RecoveryTimeView[];
}

/** One entry of the history of a recovery: a decision, or a report or a command in the audit. */
export type HistoryEntryView =
  | ({ readonly entry: 'decision' } & DecisionView)
  | ({ readonly entry: 'audit' } & AuditView);

/** The output of `why --json`: the history of a recovery in the order in which its entries became known. */
export interface WhyView {
  readonly notification: NotificationView;
  readonly history: readonly HistoryEntryView[];
  readonly recovery_times: readonly RecoveryTimeView[];
}

/** The output of `why --export`, for `why --replay`. */
export interface CaseView extends WhyView {
  readonly format: 'recovery-agent-case';
  /** Version of this structure. */
  readonly format_version: 1;
  /** Of the program that exported it. */
  readonly version: string;
}

/** The last result of a program that proves deaths. */
export interface ProofCheckView {
  readonly name: string;
  readonly kind: string;
  /** `running`: it was started and has not ended. */
  readonly state: 'running' | 'dead' | 'alive' | 'unknown';
  readonly detail: string;
  readonly time: string;
}

/** What the recovery of a host would do with one instance. */
export interface PlannedInstanceView {
  readonly instance_uuid: string;
  readonly name: string;
  readonly project_id: string;
  /** Nova's vm_state; of an instance that an unfinished recovery has changed, the state before. */
  readonly state: string;
  readonly ha_enabled: boolean;
  /** `leave`: it stays on the failed host. */
  readonly action: 'evacuate' | 'leave';
  /** In the order of the evacuations of its host, from 1; null if it is left, as are the four fields after it. */
  readonly place: number | null;
  /** From 1. It waits for the earlier phases, those of its project only with `phases = project`. */
  readonly phase: number | null;
  readonly priority: number | null;
  /** Its restart group; null without one. */
  readonly group: string | null;
  /** On its new host. */
  readonly final_state: 'active' | 'stopped' | 'error' | null;
  /** Why it is left; of one that is evacuated, the options that may exclude it and cannot be applied. */
  readonly reason: string | null;
}

/** What would happen if a host failed now. */
export interface HostPlanView {
  /** By its name in Nova. */
  readonly host: string;
  /** `ignored`: the report of its failure starts no recovery; `message`: why. */
  readonly status: 'new' | 'ignored';
  readonly message: string | null;
  /** The reason of the gate that would hold the recovery; null: none would. */
  readonly held: string | null;
  readonly recovery_method: string;
  /** In the order in which they are tried until one succeeds. */
  readonly flows: readonly { readonly name: string; readonly reserved_host: string | null }[];
  /** Why the recovery would fail without any flow; null if it has one. */
  readonly no_flow: string | null;
  /** Of the first flow. */
  readonly tasks: readonly {
    readonly phase: 'pre' | 'main' | 'post';
    readonly name: string;
    readonly action: string;
    readonly timeout_seconds: number;
  }[];
  /** Those that are evacuated in their order, then those that are left. */
  readonly instances: readonly PlannedInstanceView[];
}

/** The response to `plan`. */
export interface PlanView {
  readonly made_at: string;
  readonly hosts: readonly HostPlanView[];
}

export interface OpenRecoveryView extends NotificationView {
  readonly instances: { readonly moved: number; readonly total: number } | null;
}

export interface EngineView {
  readonly node: string;
  readonly pid: number;
  readonly epoch: number;
  readonly version: string;
  readonly since: string;
  readonly beat_at: string;
  /** `running`; `released` after an orderly stop. */
  readonly state: 'running' | 'released';
}

/** A monitor that reports that it is blind. */
export interface BlindMonitorView {
  readonly host: string;
  readonly monitor: string;
  readonly reason: string;
  /** The time of its last successful poll. */
  readonly since: string;
}

/** A host on which an operator works. */
export interface MaintenanceView {
  readonly host: string;
  readonly set_by: string;
  readonly reason: string | null;
  readonly set_at: string;
}

/** A pause of all recoveries. */
export interface PauseView {
  readonly paused_by: string;
  readonly reason: string | null;
  readonly paused_at: string;
  /** Rest of its length, counted while an engine runs; null: it ends by the command `unpause` only. */
  readonly seconds_left: number | null;
}

export interface StatusView {
  /** The source of this view: the engine itself, its journal, or the file that it left. */
  readonly source: 'engine' | 'journal' | 'status.json';
  readonly engine: EngineView | null;
  readonly cloud: string | null;
  readonly journal: string;
  readonly counts: Readonly<Partial<Record<NotificationStatus, number>>>;
  readonly open: readonly OpenRecoveryView[];
  /** Known to a running engine only; empty from any other source. */
  readonly blind_monitors: readonly BlindMonitorView[];
  /** No recovery starts: an operator paused them. Null: they are not paused, or the source does not have it. */
  readonly pause: PauseView | null;
  /** Hosts in maintenance; empty if the source does not have them. */
  readonly maintenance: readonly MaintenanceView[];
  /** On the node of an engine that is about to take over: the reason why it waits. Null if none does, or on another node. */
  readonly taking_over: string | null;
  readonly written_at: string;
}

/** The messages of `watch` during a recovery. */
export type WatchNotice =
  | {
      readonly kind: 'event';
      readonly uuid: string;
      readonly task: string | null;
      readonly at: number;
      readonly seq: number;
      readonly message: string;
      readonly progress: number;
    }
  | { readonly kind: 'instances'; readonly uuid: string; readonly moved: number; readonly total: number }
  | {
      readonly kind: 'status';
      readonly uuid: string;
      readonly status: NotificationStatus;
      readonly message: string | null;
    };
