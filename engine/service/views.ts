/** Converts rows of the journal to the view for operators. Pure; the same for the engine and for a reader without one. */
import type {
  AuditView,
  DecisionView,
  EventView,
  FlowView,
  InstanceView,
  MaintenanceView,
  NotificationView,
  PauseView,
  RecoveryView,
  TaskView,
} from '#protocol/views.ts';
import { DELETED } from '../evacuation/facts.ts';
import { type PlannedTask, readPlan } from '../flow/plan.ts';
import { isMove } from '../journal/migration-kinds.ts';
import type { LogbookWithFlows } from '../journal/queries.ts';
import type {
  AtomRow,
  AuditRow,
  DecisionRow,
  LogbookRow,
  MaintenanceRow,
  PauseRow,
  StepRow,
  StepState,
} from '../journal/rows.ts';
import { taskStepKey } from '../task-drivers/task-step.ts';
import { titleOf } from '../tasks/titles.ts';
import { recoveryTimes } from './recovery-times.ts';

/** Of one output as JSON, in characters: lists of instances grow with the cloud. */
const LONGEST_OUTPUT = 4096;

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}

export function viewNotification(row: LogbookRow): NotificationView {
  return {
    notification_uuid: row.uuid,
    type: row.type,
    hostname: row.host,
    payload: JSON.parse(row.payload),
    generated_time: iso(row.generated_at),
    status: row.status,
    message: row.message,
    accepted_at: iso(row.accepted_at),
    updated_at: iso(row.updated_at),
    closed_at: isoOrNull(row.closed_at),
    retry_at: isoOrNull(row.retry_at),
    parked_reason: row.parked_reason,
  };
}

export function viewPause(row: PauseRow | null): PauseView | null {
  return (
    row && {
      paused_by: row.paused_by,
      reason: row.reason,
      paused_at: iso(row.paused_at),
      seconds_left: row.left_ms === null ? null : Math.ceil(row.left_ms / 1000),
    }
  );
}

export function viewMaintenance({ set_at, ...row }: MaintenanceRow): MaintenanceView {
  return { ...row, set_at: iso(set_at) };
}

export function viewAudit(row: AuditRow): AuditView {
  return {
    time: iso(row.at),
    kind: row.kind,
    action: row.action,
    identity: row.identity,
    roles: JSON.parse(row.roles),
    address: row.address,
    uid: row.uid,
    user: row.user,
    sudo_uid: row.sudo_uid,
    sudo_user: row.sudo_user,
    notification_uuid: row.notification,
    object: row.object,
    overridden: JSON.parse(row.overridden),
    reason: row.reason,
    outcome: row.outcome,
    message: row.message,
    times: row.times,
    first_time: iso(row.first_at),
    epoch: row.epoch,
  };
}

function viewDecision(row: DecisionRow): DecisionView {
  const { at, epoch, kind, outcome, rule, reason, facts, limits, times } = row;
  return {
    time: iso(at),
    epoch,
    kind,
    outcome,
    rule,
    reason,
    facts: JSON.parse(facts),
    limits: JSON.parse(limits),
    times,
  };
}

/** @param planned no built-in task can be rolled back */
function viewTask(atom: AtomRow, planned: PlannedTask | undefined, steps: readonly StepRow[]): TaskView {
  const outputs = Object.entries<unknown>(JSON.parse(atom.result ?? '{}'));
  const isShort = ([, value]: readonly [string, unknown]): boolean => JSON.stringify(value).length <= LONGEST_OUTPUT;
  const key = taskStepKey(atom.name);
  return {
    phase: atom.phase,
    name: atom.name,
    action: titleOf(atom.name),
    state: atom.state,
    skipped: steps.some((step) => step.atom_id === atom.id && step.key === key && step.state === 'skipped'),
    undo: planned?.custom?.undo ?? false,
    outputs: atom.result === null ? null : Object.fromEntries(outputs.filter(isShort)),
    outputs_left_out: outputs.filter((output) => !isShort(output)).map(([name]) => name),
    progress: atom.progress,
    tries: atom.tries,
    error: atom.error,
    start_time: isoOrNull(atom.started_at),
    end_time: isoOrNull(atom.ended_at),
  };
}

/** Steps that follow the move of an instance, and belong to it. */
const RESTORES: ReadonlySet<string> = new Set(['stop', 'start', 'error', 'confirm_resize']);
/** Steps that precede it: one that failed ends the move. */
const PREPARES: ReadonlySet<string> = new Set(['reset']);

const INSTANCE_STATE: { readonly [S in StepState]: string } = {
  planned: 'waiting',
  intent: 'moving',
  sent: 'moving',
  done: 'moved',
  failed: 'failed',
  unknown: 'unknown',
  skipped: 'deleted',
};

/** A migration home is not requested if a user moved the instance, nor an evacuation of one that its owner shelved. */
const LEFT = 'left';

function arrivalOf({ kind, state, error }: StepRow): string {
  const isLeft = state === 'skipped' && (kind !== 'evacuate' || error !== DELETED);
  return isLeft ? LEFT : INSTANCE_STATE[state];
}

/** @param others steps of the instance in the same task */
function viewInstance(evacuation: StepRow, others: readonly StepRow[]): InstanceView {
  const before: { name?: string; host?: string; vmState?: string } = JSON.parse(evacuation.before);
  const detail: { destination?: string } = JSON.parse(evacuation.detail);
  const began = evacuation.sent_at ?? evacuation.intent_at;
  const restores = others.filter(({ kind }) => RESTORES.has(kind));
  const broken = restores.find(({ state }) => state === 'failed' || state === 'unknown');
  const blocked = others.find(({ kind, state }) => PREPARES.has(kind) && state === 'failed');
  const isRestoring = restores.some(({ state }) => state !== 'done' && state !== 'skipped');
  const arrived = blocked ? 'failed' : arrivalOf(evacuation);
  const state = arrived !== 'moved' ? arrived : broken ? 'failed' : isRestoring ? 'moving' : 'moved';
  return {
    instance_uuid: evacuation.object,
    name: before.name ?? '',
    from: before.host ?? '',
    to: detail.destination ?? null,
    state,
    original_state: before.vmState ?? '',
    seconds:
      began !== null && evacuation.ended_at !== null ? Math.round((evacuation.ended_at - began) / 100) / 10 : null,
    request_id: evacuation.request_id,
    reason: blocked?.error ?? evacuation.error ?? broken?.error ?? null,
  };
}

export function viewRecovery({ logbook, flows, audit, proofs, decisions }: LogbookWithFlows): RecoveryView {
  return {
    notification: viewNotification(logbook),
    audit: audit.map(viewAudit),
    proofs: proofs.map(({ at, ...check }) => ({ ...check, time: iso(at) })),
    decisions: decisions.map(viewDecision),
    recovery_times: recoveryTimes(logbook, flows),
    flows: flows.map(({ flow, atoms, steps, events }): FlowView => {
      const names = new Map(atoms.map(({ id, name }) => [id, name]));
      const requestId = `req-${flow.uuid}`;
      const { inputs, tasks } = readPlan(flow.plan);
      const evacuations = steps.filter(isMove);
      return {
        flow_uuid: flow.uuid,
        request_id: requestId,
        attempt: flow.attempt,
        name: flow.name,
        state: flow.state,
        resumes: flow.resumes,
        reserved_host: typeof inputs.reserved_host === 'string' ? inputs.reserved_host : null,
        started_at: iso(flow.started_at),
        closed_at: isoOrNull(flow.closed_at),
        error: flow.error,
        tasks: atoms.map((atom) => viewTask(atom, tasks[atom.ord], steps)),
        events: events.map((event): EventView => {
          const task = event.atom_id === null ? null : (names.get(event.atom_id) ?? null);
          return {
            request_id: requestId,
            task,
            action: task === null ? null : titleOf(task),
            time: iso(event.at),
            message: event.message,
            progress: event.progress,
            epoch: event.epoch,
          };
        }),
        instances: evacuations.map((evacuation) =>
          viewInstance(
            evacuation,
            steps.filter(({ object, atom_id }) => object === evacuation.object && atom_id === evacuation.atom_id),
          ),
        ),
      };
    }),
  };
}
