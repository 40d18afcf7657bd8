/**
 * MIGRATE: migrates instances home to the host that is back, live or cold by the state of each. Each migration is a step of the journal, a
 * cold one two. An instance that cannot be migrated keeps running on its host. Only a stopped one whose disk could not be copied is put in
 * state error by Nova, on its former host: it is reported until an operator has repaired it, and nothing more is requested for it.
 */
import type { MigrationType } from '../cloud/cloud.ts';
import { readEvacuationsFrom } from '../cloud/reading.ts';
import { mayRemainOnSource } from '../evacuation/evacuation-record.ts';
import type { InstanceSnapshot } from '../evacuation/original-state-decision.ts';
import { TaskFailure } from '../flow/outcome.ts';
import { type TaskContext, textInput } from '../flow/task.ts';
import { MIGRATION_KINDS, type MigrationKind } from '../journal/migration-kinds.ts';
import { type StepState, UNSETTLED_STEP_STATES } from '../journal/rows.ts';
import { badly, left, type Outcome, well } from '../task-drivers/recovery-action/actions.ts';
import { type ActionResult, lastTouched, requestAction } from '../task-drivers/recovery-action/instance-action.ts';
import type { InstanceActionLimits } from '../task-drivers/recovery-action/instance-action-decision.ts';
import { serviceOf } from '../tasks/compute-service.ts';
import { known, withOutageRetry } from '../tasks/outage-retry.ts';
import { decideConfirmation, decideMigration, planMigration } from './migration-decision.ts';

/** Nova's names of the actions. */
const ACTION: { readonly [K in MigrationKind]: string } = { live_migrate: 'live-migration', cold_migrate: 'migrate' };
const TYPE: { readonly [K in MigrationKind]: MigrationType } = { live_migrate: 'live', cold_migrate: 'cold' };

/**
 * Nothing is migrated to a host that may still run parts of an evacuated instance. Nova would report the other conditions for each
 * instance; here they are reported once.
 */
export async function requireOpen(context: TaskContext): Promise<void> {
  const { cloud, signal } = context;
  const home = textInput(context, 'host_name');
  const evacuations = await known(context, () => readEvacuationsFrom(cloud, { sourceHost: home }, { signal }));
  const uncleaned = evacuations.answer === 'yes' ? evacuations.value.items.filter(mayRemainOnSource).length : 0;
  if (uncleaned > 0) {
    const cure = 'put enable_compute_service_task before it, which waits for that';
    throw new TaskFailure(
      `MIGRATE needs nova-compute on host '${home}' to have removed what was evacuated, but ${uncleaned} instances are left; ${cure}`,
    );
  }
  const { state, status } = await withOutageRetry(context, () => serviceOf(context, home));
  if (state === 'up' && status === 'enabled') return;
  const cure =
    'put enable_compute_service_task before it; a service that an operator disabled must be enabled by an operator';
  throw new TaskFailure(
    `MIGRATE needs the compute service of host '${home}' up and enabled, but it is ${state} and ${status}; ${cure}`,
  );
}

/** A permit for copying memory and disks, from the first call to the end. */
class Place {
  readonly #context: TaskContext;
  #isHeld = false;

  constructor(context: TaskContext) {
    this.#context = context;
  }

  /** Half of the permits are left to evacuations, which are urgent. */
  take(): boolean {
    this.#isHeld ||= this.#context.budgets.evacuations.tryTakeSpare();
    return this.#isHeld;
  }

  /** For a migration that is in progress already, with or without a free permit. */
  occupy(): void {
    if (!this.#isHeld) this.#context.budgets.evacuations.take();
    this.#isHeld = true;
  }

  release(): void {
    if (this.#isHeld) this.#context.budgets.evacuations.give();
    this.#isHeld = false;
  }
}

/** @param key of its steps, the same in every flow of the recovery */
export async function migrateHome(context: TaskContext, key: string, snapshot: InstanceSnapshot): Promise<Outcome> {
  const home = textInput(context, 'host_name');
  const before = await migratedBefore(context, key);
  const isStarted = before && (before.state === 'done' || UNSETTLED_STEP_STATES.includes(before.state));
  const plan = isStarted ? ({ migrate: 'yes', kind: before.kind } as const) : planMigration(snapshot.vmState);
  if (plan.migrate === 'no') {
    if (snapshot.host === home) return well(snapshot, home);
    // Nova leaves an instance whose cold migration failed in state error: the next round must report that.
    const isBroken = before?.state === 'failed' && snapshot.vmState === 'error';
    return isBroken ? badly(snapshot, `it is in state error since: ${before.error}`) : left(snapshot, plan.reason);
  }
  const place = new Place(context);
  try {
    const moved = await migrate(context, plan.kind, key, snapshot, place);
    if (moved.state === 'skipped') return left(snapshot, moved.reason ?? 'there was nothing to migrate');
    if (moved.state !== 'done') return badly(snapshot, moved.reason ?? 'it failed');
    if (plan.kind === 'live_migrate') return well(snapshot, home);
    const confirmed = await confirm(context, key, snapshot);
    if (confirmed.state === 'done') return well(snapshot, home);
    if (confirmed.state === 'skipped') return left(snapshot, confirmed.reason ?? 'there was nothing to confirm');
    const cure = `find out why, then run "openstack server migrate confirm ${snapshot.uuid}"`;
    return badly(snapshot, `it is on ${home}, but not confirmed: ${confirmed.reason ?? 'it failed'}; ${cure}`);
  } finally {
    place.release();
  }
}

interface Before {
  readonly kind: MigrationKind;
  readonly state: StepState;
  readonly error: string | null;
}

/**
 * The migration that an earlier round requested. One that is done or may be running is continued, in any state of the instance, and has
 * precedence over one that failed. Within a flow the snapshot decides the kind, which does not change.
 */
async function migratedBefore(context: TaskContext, key: string): Promise<Before | undefined> {
  const found: Before[] = [];
  for (const kind of MIGRATION_KINDS) {
    const last = lastTouched(await context.history.earlierSteps(`${kind}:${key}`));
    if (last) found.push({ kind, state: last.state, error: last.error });
  }
  return (
    found.find(({ state }) => state !== 'failed' && state !== 'skipped') ??
    found.find(({ state }) => state === 'failed')
  );
}

function limitsOf({ settings }: TaskContext): InstanceActionLimits {
  return {
    effectMs: settings.waitPeriodAfterEvacuationMs,
    queueWaitMs: settings.evacuationQueueWaitMs,
    calls: settings.evacuationRetries + 1,
  };
}

function migrate(
  context: TaskContext,
  kind: MigrationKind,
  key: string,
  snapshot: InstanceSnapshot,
  place: Place,
): Promise<ActionResult> {
  const { cloud, signal, globalRequestId } = context;
  const journey = { kind, source: snapshot.host, home: textInput(context, 'host_name') };
  const limits = limitsOf(context);
  return requestAction(context, {
    kind,
    key: `${kind}:${key}`,
    uuid: snapshot.uuid,
    before: snapshot,
    action: ACTION[kind],
    busyMs: limits.effectMs,
    decide: (facts) => decideMigration(facts, journey, limits),
    request: () => cloud.migrate(snapshot.uuid, TYPE[kind], journey.home, { signal, globalRequestId }),
    mayCall: () => place.take(),
    underway: () => place.occupy(),
    outcome: ({ host }) => ({ destination: host }),
  });
}

function confirm(
  context: TaskContext,
  key: string,
  { uuid, vmState, taskState }: InstanceSnapshot,
): Promise<ActionResult> {
  const { cloud, signal, globalRequestId } = context;
  const home = textInput(context, 'host_name');
  const limits = limitsOf(context);
  return requestAction(context, {
    kind: 'confirm_resize',
    key: `confirm_resize:${key}`,
    uuid,
    before: { vmState, taskState },
    action: 'confirmResize',
    busyMs: limits.effectMs,
    decide: (facts) => decideConfirmation(facts, home, limits),
    request: () => cloud.confirmResize(uuid, { signal, globalRequestId }),
  });
}
