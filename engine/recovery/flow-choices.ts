/**
 * The previous flows and the next flow of a round, from the journal and the configuration of one recovery.
 *
 * Invariant: no two recoveries send instances to one reserved host, since each may fill it.
 */
import type { Configuration } from '#config/configuration.ts';
import { type RecoveryMethod, segmentOf } from '#config/options/segments.ts';
import { hasTasks } from '#config/pipelines/pipelines.ts';
import { type Plan, readPlan } from '../flow/plan.ts';
import type { HostNames } from '../intake/host-names.ts';
import { decideReturnFlow, type ReturnDecision } from '../intake/notification-decision.ts';
import { orderOfReports } from '../intake/report-order-decision.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { FlowRow, LogbookRow } from '../journal/rows.ts';
import { type FlowChoice, type NextFlow, nextFlow, type ReturnFlow } from './recovery-method-decision.ts';
import { freeReservedHosts } from './reserved-host-choice-decision.ts';

export class FlowChoices {
  readonly #journal: Journal;
  readonly #configuration: Configuration;
  readonly #hostNames: HostNames;
  readonly #logbook: LogbookRow;

  constructor(
    {
      journal,
      configuration,
      hostNames,
    }: { readonly journal: Journal; readonly configuration: Configuration; readonly hostNames: HostNames },
    logbook: LogbookRow,
  ) {
    this.#journal = journal;
    this.#configuration = configuration;
    this.#hostNames = hostNames;
    this.#logbook = logbook;
  }

  get segment(): { readonly recoveryMethod: RecoveryMethod; readonly reservedHosts: readonly string[] } {
    const segment = segmentOf(this.#configuration.segments, this.#logbook.host);
    // A host that was removed from its segment while its recovery waited is recovered by the simplest method.
    if (!segment) return { recoveryMethod: 'auto', reservedHosts: [] };
    return { ...segment, reservedHosts: segment.reservedHosts.map((host) => this.#hostNames.known(host)) };
  }

  async freeReservedHosts(): Promise<string[]> {
    const hosts = await this.#journal.query('hosts');
    const spent = hosts.filter(({ reserved }) => reserved === 0).map(({ name }) => name);
    const inUse = await this.#journal.query('reservedHostsInUse', this.#logbook.id);
    return freeReservedHosts(this.segment.reservedHosts, [this.#logbook.host, ...spent, ...inUse]);
  }

  /** Oldest first. */
  async flowsOf(round: number): Promise<FlowRow[]> {
    const flows = await this.#journal.query('flows', this.#logbook.id);
    return flows.filter(({ plan }) => readPlan(plan).round === round);
  }

  async next(round: number): Promise<NextFlow> {
    const flows = await this.flowsOf(round);
    if (kindOf(this.#logbook) === 'HOST_RETURN') {
      const decision = await this.#returnFlow();
      if (decision.flow !== null) return this.#after(flows, decision.flow);
      return { do: 'nothing', status: decision.status, reason: decision.reason };
    }
    const last = flows.at(-1);
    // Its reserved host counts as used by now, and is the one to start again with.
    if (last?.state === 'ABANDONED') return { do: 'run', choice: choiceOf(readPlan(last.plan)) };
    return this.#after(flows);
  }

  async #returnFlow(): Promise<ReturnDecision> {
    const { host, id } = this.#logbook;
    const { pipelines } = this.#configuration;
    const failure = await this.#journal.query('failureBefore', { host, id });
    const facts = failure && {
      status: failure.status,
      hasStarted: await this.#journal.query('hasStarted', failure.id),
      order: orderOfReports(failure, this.#logbook),
    };
    const tasks = { returnTasks: hasTasks(pipelines.host_return), rebootTasks: hasTasks(pipelines.host_reboot) };
    return decideReturnFlow(host, facts, await this.#hasFailedSince(failure), tasks);
  }

  /** Whether the host was treated as failed after this return of it. @param before the failure before the return */
  async #hasFailedSince(before: LogbookRow | null): Promise<boolean> {
    const { host, id } = this.#logbook;
    if (before !== null && (before.proved_after ?? 0) >= id) return true;
    for (const failure of await this.#journal.query('failuresAfter', { host, id })) {
      if (await this.#journal.query('hasStarted', failure.id)) return true;
    }
    return false;
  }

  /** Whether nothing is left to try in a round after the open flow. */
  async isLast(round: number): Promise<boolean> {
    return (await this.#after(await this.flowsOf(round))).do === 'fail';
  }

  async #after(flows: readonly FlowRow[], returnFlow?: ReturnFlow): Promise<NextFlow> {
    const tried = flows.filter(({ state }) => state !== 'ABANDONED').map(({ plan }) => choiceOf(readPlan(plan)));
    const { recoveryMethod } = this.segment;
    return nextFlow(kindOf(this.#logbook), recoveryMethod, tried, await this.freeReservedHosts(), returnFlow);
  }
}

function choiceOf({ flow, inputs }: Plan): FlowChoice {
  const host = inputs.reserved_host;
  return flow === 'host_rh'
    ? { flow, reservedHost: typeof host === 'string' ? host : '' }
    : { flow, reservedHost: null };
}
