/** The host monitor: reports whether compute hosts are up, and dead hosts with a proof. */

import type { EngineOptions } from '#config/options/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { CreateMonitor, Monitor, MonitorContext, Observation, Recheck } from '../service/monitor.ts';
import { healthOf } from './blind-decision.ts';
import { watchingOf } from './expected-hosts.ts';
import { LatestFacts } from './latest-facts.ts';
import { SAME_FENCING_MS } from './new-fencing-decision.ts';
import { readSource } from './read-source.ts';
import { prepare, type Setup } from './setup.ts';
import type { Fact } from './sources/source.ts';
import { byHost, decide, type HostDecision } from './state-decision.ts';
import { HostStateFile } from './state-file.ts';
import { POLL_TIMEOUT_MS, Watch } from './watch.ts';

/** Polls in sequence that may fail before the monitor counts as blind. */
const BLIND_AFTER_POLLS = 3;

export const create: CreateMonitor = async (options, node, segmentHosts) =>
  new HostMonitor(await prepare(options, node, segmentHosts), node);

export class HostMonitor implements Monitor {
  readonly name = 'host';
  readonly #node: string;
  #setup: Setup;
  #watching: AbortController | undefined;

  constructor(setup: Setup, node: string) {
    this.#setup = setup;
    this.#node = node;
  }

  get blindAfterMs(): number {
    const { monitoringIntervalMs, pacemakerTimeoutMs } = this.#setup.options;
    return BLIND_AFTER_POLLS * monitoringIntervalMs + 2 * pacemakerTimeoutMs;
  }

  async run(context: MonitorContext): Promise<void> {
    while (!context.signal.aborted) {
      const watching = new AbortController();
      this.#watching = watching;
      const stateFile = HostStateFile.open(this.#setup.options.stateFile, context.log);
      await new Watch(this.#setup, context, stateFile).run(AbortSignal.any([context.signal, watching.signal]));
    }
  }

  /** A row for each host, each expected host that is not watched, each blind source, and the monitor if it is blind as a whole. */
  async poll(signal: AbortSignal): Promise<readonly Observation[]> {
    const { decisions, latest } = await this.#pollAll(signal);
    const { policy, expected } = this.#setup;
    const watching = watchingOf(expected, latest, policy);
    const health = healthOf(latest, policy, watching, Date.now());
    const hosts = [...decisions].map(([host, { state, proof, reason, because }]): Observation => {
      const others = because.filter(({ detail }) => detail !== reason).map((fact) => `${fact.source}: ${fact.detail}`);
      const proven = proof === undefined ? [] : [`proof: ${proof}`];
      return { subject: host, state, detail: [reason, ...proven, ...others].join('; ') };
    });
    const unwatched = new Map(watching?.unwatched.map(({ host, detail }) => [host, detail]));
    return [
      ...hosts.filter(({ subject }) => !unwatched.has(subject)),
      ...[...unwatched].map(([host, detail]): Observation => ({ subject: host, state: 'unwatched', detail })),
      ...latest
        .blindSources()
        .map(([name, reason]): Observation => ({ subject: `(${name})`, state: 'blind', detail: reason })),
      ...(expected.fault === undefined
        ? []
        : [{ subject: '(inventory)', state: 'unreadable', detail: expected.fault }]),
      ...(health.is === 'blind' ? [{ subject: '(all)', state: 'blind', detail: health.reason }] : []),
    ];
  }

  async recheck({ notification }: NotificationBody, _?: unknown, proof: ReportedProof = 'none'): Promise<Recheck> {
    if (notification.type !== 'COMPUTE_HOST') return 'unknown';
    try {
      const { decisions } = await this.#pollAll(AbortSignal.timeout(POLL_TIMEOUT_MS));
      const decision = decisions.get(notification.hostname);
      const state = decision?.state;
      if (decision?.state === 'up') {
        if (notification.payload.event === 'STARTED') return 'still';
        // Its instances ended with its power: the engine decides how to recover them.
        const hadNoPower =
          proof === 'fencing' || wasFencedAt(decision.because, Date.parse(notification.generated_time));
        return hadNoPower && this.#setup.lateDeaths !== 'silent' ? 'still' : 'over';
      }
      if (state === 'dead') return notification.payload.event === 'STOPPED' ? 'still' : 'over';
      const wasUnproven = notification.payload.event === 'STOPPED' && notification.payload.host_status === 'UNKNOWN';
      return state === 'suspected' && wasUnproven ? 'still' : 'unknown';
    } catch {
      return 'unknown';
    }
  }

  async reload(options: EngineOptions, segmentHosts: readonly string[] = []): Promise<void> {
    this.#setup = await prepare(options, this.#node, segmentHosts);
    this.#watching?.abort();
  }

  /** Throws if no host can be read. */
  async #pollAll(
    signal: AbortSignal,
  ): Promise<{ readonly decisions: ReadonlyMap<string, HostDecision>; readonly latest: LatestFacts }> {
    const { sources, policy } = this.#setup;
    const latest = new LatestFacts(sources.map(({ name }) => name));
    await Promise.all(
      sources.map(async (source) => {
        try {
          latest.put(source.name, await readSource(source, signal));
        } catch (error) {
          latest.cannotSee(source.name, errorMessage(error));
        }
      }),
    );
    const blind = latest.blindSources();
    const requested = latest.has('pacemaker') ? ['pacemaker'] : sources.map(({ name }) => name);
    if (requested.every((name) => blind.some(([blindName]) => blindName === name))) {
      throw new Error(`no host can be read: ${blind.map(([name, reason]) => `${name}: ${reason}`).join('; ')}`);
    }
    const now = Date.now();
    const decisions = new Map([...byHost(latest.facts())].map(([host, facts]) => [host, decide(facts, policy, now)]));
    return { decisions, latest };
  }
}

function wasFencedAt(facts: readonly Fact[], time: number): boolean {
  return facts.some(({ fencings = [] }) => fencings.some((at) => Math.abs(at - time) <= SAME_FENCING_MS));
}
