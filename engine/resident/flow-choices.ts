/**
 * Which flow of a round comes next, and which have been: what the journal and the configuration say of one recovery.
 *
 * Invariant: no two recoveries send instances to one reserved host, since each may fill it.
 */
import type { Configuration } from '#config/load.ts';
import { type RecoveryMethod, segmentOf } from '#config/segments.ts';
import { type Plan, readPlan } from '../flow/plan.ts';
import { kindOf } from '../journal/host-event.ts';
import type { Journal } from '../journal/journal.ts';
import type { FlowRow, LogbookRow } from '../journal/words.ts';
import { type FlowChoice, type NextFlow, nextFlow } from '../recovery/method.ts';

export class FlowChoices {
  readonly #journal: Journal;
  readonly #configuration: Configuration;
  readonly #logbook: LogbookRow;

  constructor(
    { journal, configuration }: { readonly journal: Journal; readonly configuration: Configuration },
    logbook: LogbookRow,
  ) {
    this.#journal = journal;
    this.#configuration = configuration;
    this.#logbook = logbook;
  }

  get segment(): { readonly recoveryMethod: RecoveryMethod; readonly reservedHosts: readonly string[] } {
    const segment = segmentOf(this.#configuration.segments, this.#logbook.host);
    // A host that was taken out of its segment while its recovery waited is recovered the simplest way.
    return segment ?? { recoveryMethod: 'auto', reservedHosts: [] };
  }

  async freeReservedHosts(): Promise<string[]> {
    const hosts = await this.#journal.query('hosts');
    const spent = new Set(hosts.filter(({ reserved }) => reserved === 0).map(({ name }) => name));
    for (const host of await this.#journal.query('reservedHostsInUse', this.#logbook.id)) spent.add(host);
    return this.segment.reservedHosts.filter((host) => host !== this.#logbook.host && !spent.has(host));
  }

  /** Oldest first. */
  async flowsOf(round: number): Promise<FlowRow[]> {
    const flows = await this.#journal.query('flows', this.#logbook.id);
    return flows.filter(({ plan }) => readPlan(plan).round === round);
  }

  async next(round: number): Promise<NextFlow> {
    const flows = await this.flowsOf(round);
    const last = flows.at(-1);
    // Its reserved host counts as spent by now, and is the one to begin anew with.
    if (last?.state === 'ABANDONED') return { do: 'run', choice: choiceOf(readPlan(last.plan)) };
    return this.#after(flows);
  }

  /** Whether nothing is left to try in a round after the flow that is open. */
  async isLast(round: number): Promise<boolean> {
    return (await this.#after(await this.flowsOf(round))).do === 'give up';
  }

  async #after(flows: readonly FlowRow[]): Promise<NextFlow> {
    const tried = flows.filter(({ state }) => state !== 'ABANDONED').map(({ plan }) => choiceOf(readPlan(plan)));
    return nextFlow(kindOf(this.#logbook), this.segment.recoveryMethod, tried, await this.freeReservedHosts());
  }
}

function choiceOf({ flow, inputs }: Plan): FlowChoice {
  const host = inputs.reserved_host;
  return flow === 'host_rh'
    ? { flow, reservedHost: typeof host === 'string' ? host : '' }
    : { flow, reservedHost: null };
}
