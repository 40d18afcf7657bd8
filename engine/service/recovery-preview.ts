/**
 * What the engine would do now if hosts failed, for `recovery-agent plan`.
 *
 * Invariants:
 * - it changes nothing: it reads the journal and Nova, and writes into neither;
 * - each answer comes from the function that decides in a recovery: acceptance, gates, choice of the flow, plan of the flow, order of
 *   the instances. None is computed here.
 */
import type { Configuration } from '#config/configuration.ts';
import { segmentOf } from '#config/options/segments.ts';
import { taskSettings } from '#config/options/task-settings.ts';
import { policyOf } from '#config/pipelines/task-policies.ts';
import type { Clock } from '#protocol/clock.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { canonicalPayload, type Notification } from '#protocol/notification.ts';
import type { HostPlanView, PlannedInstanceView, PlanView } from '#protocol/views.ts';
import type { Cloud, Instance } from '../cloud/cloud.ts';
import { ambiguity } from '../cloud/compute-hosts.ts';
import { readInstancesOn } from '../cloud/reading.ts';
import { type InstanceSnapshot, planMove, snapshotOf, withOriginal } from '../evacuation/original-state-decision.ts';
import { buildPlan } from '../flow/plan.ts';
import { type Candidate, type OrderedMove, planInstances } from '../incident/order-decision.ts';
import type { HostNames } from '../intake/host-names.ts';
import { decideNotification, targetOf } from '../intake/notification-decision.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { FlowChoices } from '../recovery/flow-choices.ts';
import { type FlowChoice, nextFlow } from '../recovery/recovery-method-decision.ts';
import { titleOf } from '../tasks/titles.ts';
import { RequestRefused } from './request-refused.ts';
import type { Scheduler } from './scheduler.ts';
import { iso } from './views.ts';

/** Less than a command waits for a response. */
const READ_TIMEOUT_MS = 20_000;

export interface RecoveryPreviewParts {
  readonly journal: Journal;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly configuration: Configuration;
  readonly hostNames: HostNames;
  readonly scheduler: Pick<Scheduler, 'whyHeld'>;
  /** Aborted when the engine stops. */
  readonly signal: AbortSignal;
}

type MethodView = Pick<HostPlanView, 'recovery_method' | 'flows' | 'no_flow' | 'tasks'>;

export class RecoveryPreview {
  readonly #parts: RecoveryPreviewParts;

  constructor(parts: RecoveryPreviewParts) {
    this.#parts = parts;
  }

  /** As if these hosts failed now, one after the other. Throws `RequestRefused` if Nova does not show one of them. */
  async of(names: readonly string[]): Promise<PlanView> {
    const signal = AbortSignal.any([this.#parts.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    const hosts = new Set<string>();
    for (const name of names) hosts.add(await this.#novaName(name, signal));
    const failures = [...hosts].map((host) => this.#failureOf(host));
    const recovered = failures.filter(({ status }) => status === 'new');
    const held = await this.#parts.scheduler.whyHeld(recovered);
    const reasons = new Map(recovered.map(({ host }, index) => [host, held[index] ?? null]));
    const unusable = new Set(hosts);
    const views: HostPlanView[] = [];
    for (const failure of failures) {
      const { host, status, message } = failure;
      const method = await this.#methodFor(failure, unusable);
      const instances = await this.#instancesOf(host, signal);
      const start = { status: status === 'new' ? ('new' as const) : ('ignored' as const), message };
      views.push({ host, ...start, held: reasons.get(host) ?? null, ...method, instances });
    }
    return { made_at: iso(this.#parts.clock.now()), hosts: views };
  }

  async #novaName(name: string, signal: AbortSignal): Promise<string> {
    const found = await this.#parts.hostNames.find(name, signal);
    if (found.match === 'several') throw new RequestRefused(ambiguity(name, found.names));
    return found.match === 'one' ? found.name : name;
  }

  /** The row that the report of a monitor with a proof would become; it is in no journal. */
  #failureOf(host: string): LogbookRow {
    const { clock, configuration } = this.#parts;
    const now = clock.now();
    const report: Notification = {
      type: 'COMPUTE_HOST',
      hostname: host,
      generated_time: new Date(now),
      payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' },
    };
    const { status, reason } = decideNotification(report, segmentOf(configuration.segments, host), 'fencing');
    return {
      ...NOT_STORED,
      host,
      target: targetOf(report),
      payload: canonicalPayload(report),
      generated_at: now,
      accepted_at: now,
      accepted_as: status,
      updated_at: now,
      status,
      message: reason,
    };
  }

  /** @param unusable hosts that cannot be reserved ones: those that fail, and those that this plan has used */
  async #methodFor(failure: LogbookRow, unusable: Set<string>): Promise<MethodView> {
    const choices = new FlowChoices(this.#parts, failure);
    const { recoveryMethod } = choices.segment;
    const free = (await choices.freeReservedHosts()).filter((host) => !unusable.has(host));
    const tried: FlowChoice[] = [];
    let next = nextFlow('COMPUTE_HOST', recoveryMethod, tried, free);
    while (next.do === 'run') {
      tried.push(next.choice);
      next = nextFlow('COMPUTE_HOST', recoveryMethod, tried, free);
    }
    const [first] = tried;
    if (first?.flow === 'host_rh') unusable.add(first.reservedHost);
    return {
      recovery_method: recoveryMethod,
      flows: tried.map(({ flow, reservedHost }) => ({ name: flow, reserved_host: reservedHost })),
      no_flow: first === undefined && next.do === 'fail' ? next.reason : null,
      tasks: first === undefined ? [] : this.#tasksOf(first),
    };
  }

  #tasksOf({ flow }: FlowChoice): HostPlanView['tasks'] {
    const { configuration } = this.#parts;
    const { tasks } = buildPlan({
      flow,
      round: 1,
      pipelines: configuration.pipelines,
      policyOf: (task) => policyOf(configuration, task),
      customOf: (task) => configuration.customTasks.get(task)?.task,
      inputs: {},
      settings: taskSettings(configuration.options),
      deadSince: null,
      proof: 'fencing',
    });
    return tasks.map(({ phase, name, timeoutMs }) => ({
      phase,
      name,
      action: titleOf(name),
      timeout_seconds: timeoutMs / 1000,
    }));
  }

  async #instancesOf(host: string, signal: AbortSignal): Promise<readonly PlannedInstanceView[]> {
    const { journal, configuration } = this.#parts;
    const settings = taskSettings(configuration.options);
    const items = await this.#listed(host, signal);
    const originals = new Map((await journal.query('originals', host)).map((one) => [one.instance, one]));
    const open = await journal.query('openEvacuations', { atomId: NOT_STORED.id, host });
    const requested = new Set(open.map(({ instance }) => instance));
    const candidates = items.map((listed): Candidate => {
      const before = originals.get(listed.uuid)?.before;
      const original = before === undefined ? undefined : (JSON.parse(before) as InstanceSnapshot);
      const snapshot = withOriginal(snapshotOf(listed, settings.hostHaKey), original);
      return { snapshot, listed, isRequested: requested.has(listed.uuid) };
    });
    const { moves, left } = planInstances(candidates, settings);
    return [...moves.map(viewMove), ...left.map(({ snapshot, reason }) => viewLeft(snapshot, reason))];
  }

  async #listed(host: string, signal: AbortSignal): Promise<readonly Instance[]> {
    try {
      const reading = await readInstancesOn(this.#parts.cloud, host, { signal, urgency: 'question' });
      if (reading.answer === 'none') throw reading.error;
      return reading.answer === 'yes' ? reading.value.items : [];
    } catch (error) {
      throw new RequestRefused(`the instances of host '${host}' cannot be read: ${errorMessage(error)}`);
    }
  }
}

/** No row of the journal has this id. */
const NOT_STORED = {
  id: 0,
  uuid: '',
  type: 'COMPUTE_HOST',
  closed_at: null,
  failures: 0,
  work_failures: 0,
  proved_at: null,
  retry_at: null,
  parked_reason: null,
  parked_by: null,
  proof: 'fencing',
  proved_after: null,
  retried: 0,
  waited_ms: 0,
  earliest_at: null,
  follow_ups: 0,
  approved: 0,
  priority: 0,
} as const;

const FINAL_STATE = { running: 'active', stopped: 'stopped', error: 'error' } as const;

function viewMove(move: OrderedMove, index: number): PlannedInstanceView {
  const { snapshot, priority, group, phase, notApplied } = move;
  const plan = planMove(snapshot);
  // The task of the evacuation decides this itself, and keeps the places of the others.
  if (plan.move === 'no') return viewLeft(snapshot, plan.reason);
  return {
    ...common(snapshot),
    action: 'evacuate',
    place: index + 1,
    phase,
    priority,
    group,
    final_state: FINAL_STATE[plan.wanted],
    reason: notApplied.length === 0 ? null : `[order] ${notApplied.join(', ')} not applied: Nova hides the property`,
  };
}

function viewLeft(snapshot: InstanceSnapshot, reason: string): PlannedInstanceView {
  const nothing = { place: null, phase: null, priority: null, group: null, final_state: null };
  return { ...common(snapshot), action: 'leave', ...nothing, reason };
}

function common({ uuid, name, projectId, vmState, haEnabled }: InstanceSnapshot) {
  return { instance_uuid: uuid, name, project_id: projectId, state: vmState, ha_enabled: haEnabled };
}
