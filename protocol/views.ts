/** What the engine answers to `status`, `list` and `show`, and what `--json` prints. Times are ISO 8601, UTC. */

export type NotificationStatus = 'new' | 'running' | 'error' | 'failed' | 'ignored' | 'finished';

export interface NotificationView {
  readonly notification_uuid: string;
  readonly type: 'COMPUTE_HOST' | 'PROCESS' | 'VM';
  readonly hostname: string;
  readonly payload: Readonly<Record<string, string>>;
  readonly generated_time: string;
  readonly status: NotificationStatus;
  /** Why it ended so; null where there is nothing to say. */
  readonly message: string | null;
  readonly accepted_at: string;
  readonly updated_at: string;
  readonly closed_at: string | null;
  /** When the engine takes it up again by itself. */
  readonly retry_at: string | null;
  /** Why it waits although it is open; null: it does not. */
  readonly parked_reason: string | null;
}

/** One line of progress. */
export interface EventView {
  /** Of the flow, as the cloud's logs have it: `req-<uuid>`. */
  readonly request_id: string;
  /** The `name` of the task in `tasks`; null for a line of the flow itself. */
  readonly task: string | null;
  /** The task, by Masakari's class name; null for a line of the flow itself. */
  readonly action: string | null;
  readonly time: string;
  readonly message: string;
  /** 0–1 of its task. */
  readonly progress: number;
  /** Of the engine that wrote it: grows with each take-over. */
  readonly epoch: number;
}

export interface TaskView {
  readonly phase: 'pre' | 'main' | 'post';
  /** Unique in the flow: that of the task in the lists, with `#2` at the second place where they name it, and so on. */
  readonly name: string;
  /** The task, by Masakari's class name; a task of an operator by its name in the lists. */
  readonly action: string;
  /** taskflow's word: `PENDING`, `RUNNING`, `SUCCESS`, `FAILURE`, `REVERTING`, `REVERTED`, `REVERT_FAILURE`. */
  readonly state: string;
  /** Its condition did not hold: it did nothing, whatever the state says. */
  readonly skipped: boolean;
  /** A rollback takes back what it did. `REVERTED` without it: the rollback went past it, and what it did stays. */
  readonly undo: boolean;
  /** What it gave to later tasks, by name; null before its end. Values that are long are left out. */
  readonly outputs: Readonly<Record<string, unknown>> | null;
  /** Names of outputs that are left out here; the journal has them. */
  readonly outputs_left_out: readonly string[];
  readonly progress: number;
  readonly tries: number;
  readonly error: string | null;
  readonly start_time: string | null;
  readonly end_time: string | null;
}

/** What became of one instance of a host that failed, or that came back. */
export interface InstanceView {
  readonly instance_uuid: string;
  readonly name: string;
  readonly from: string;
  readonly to: string | null;
  /** `moved`, `moving`, `waiting`, `failed`, `unknown`, `deleted`; `left`: it stays where it is. */
  readonly state: string;
  /** What it was, and so what it is again: e.g. `active`, `stopped`. */
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

export interface RecoveryView {
  readonly notification: NotificationView;
  readonly flows: readonly FlowView[];
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

/** A monitor that says that it cannot see. */
export interface BlindMonitorView {
  readonly host: string;
  readonly monitor: string;
  readonly reason: string;
  /** When it last saw. */
  readonly since: string;
}

export interface StatusView {
  /** Where this comes from: the engine itself, its journal, or the file it left. */
  readonly source: 'engine' | 'journal' | 'status.json';
  readonly engine: EngineView | null;
  readonly cloud: string | null;
  readonly journal: string;
  readonly counts: Readonly<Partial<Record<NotificationStatus, number>>>;
  readonly open: readonly OpenRecoveryView[];
  /** Known to a running engine only; empty from any other source. */
  readonly blind_monitors: readonly BlindMonitorView[];
  /** On the node of an engine that is about to take over: what it waits for. Null when none does, or this is another node. */
  readonly taking_over: string | null;
  readonly written_at: string;
}

/** What `watch` tells while a recovery goes on. */
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
