/** The host monitor: reports whether compute hosts are up, and dead hosts with a proof. */

import type { EngineOptions } from '#config/options/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { CreateMonitor, Monitor, MonitorContext, Recheck, Sight } from '../service/monitor.ts';
import { healthOf } from './blind-decision.ts';
import { watchingOf } from './expected-hosts.ts';
import { LatestFacts } from './latest-facts.ts';
import { SAME_FENCING_MS } from './new-fencing-decision.ts';
import { lookAt } from './read-source.ts';
import { prepare, type Setup } from './setup.ts';
import type { Fact } from './sources/source.ts';
import { byHost, judge, type Verdict } from './state-decision.ts';
import { HostStateFile } from './state-file.ts';
import { LOOK_TIMEOUT_MS, Watch } from './watch.ts';

/** Polls in sequence that may fail before the monitor counts as blind. */
const BLIND_AFTER_LOOKS = 3;

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
    return BLIND_AFTER_LOOKS * monitoringIntervalMs + 2 * pacemakerTimeoutMs;
  }

  async run(context: MonitorContext): Promise<void> {
    while (!context.signal.aborted) {
      const watching = new AbortController();
      this.#watching = watching;
      const ledger = HostStateFile.open(this.#setup.options.stateFile, context.log);
      await new Watch(this.#setup, context, ledger).run(AbortSignal.any([context.signal, watching.signal]));
    }
  }

  /** A row for each host, each expected host that is not watched, each blind source, and the monitor if it is blind as a whole. */
  async look(signal: AbortSignal): Promise<readonly Sight[]> {
    const { verdicts, board } = await this.#lookAtAll(signal);
    const { policy, expected } = this.#setup;
    const watching = watchingOf(expected, board, policy);
    const health = healthOf(board, policy, watching, Date.now());
    const hosts = [...verdicts].map(([host, { state, proof, reason, because }]): Sight => {
      const others = because.filter(({ detail }) => detail !== reason).map((fact) => `${fact.source}: ${fact.detail}`);
      const proven = proof === undefined ? [] : [`proof: ${proof}`];
      return { subject: host, state, detail: [reason, ...proven, ...others].join('; ') };
    });
    const unwatched = new Map(watching?.unwatched.map(({ host, detail }) => [host, detail]));
    return [
      ...hosts.filter(({ subject }) => !unwatched.has(subject)),
      ...[...unwatched].map(([host, detail]): Sight => ({ subject: host, state: 'unwatched', detail })),
      ...board
        .blindSources()
        .map(([name, reason]): Sight => ({ subject: `(${name})`, state: 'blind', detail: reason })),
      ...(expected.fault === undefined
        ? []
        : [{ subject: '(inventory)', state: 'unreadable', detail: expected.fault }]),
      ...(health.is === 'blind' ? [{ subject: '(all)', state: 'blind', detail: health.reason }] : []),
    ];
  }

  async recheck({ notification }: NotificationBody, _?: unknown, proof: ReportedProof = 'none'): Promise<Recheck> {
    if (notification.type !== 'COMPUTE_HOST') return 'unknown';
    try {
      const { verdicts } = await this.#lookAtAll(AbortSignal.timeout(LOOK_TIMEOUT_MS));
      const verdict = verdicts.get(notification.hostname);
      const state = verdict?.state;
      if (verdict?.state === 'up') {
        if (notification.payload.event === 'STARTED') return 'still';
        // Its instances ended with its power: the engine decides how to recover them.
        const hadNoPower = proof === 'fencing' || wasFencedAt(verdict.because, Date.parse(notification.generated_time));
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
  async #lookAtAll(
    signal: AbortSignal,
  ): Promise<{ readonly verdicts: ReadonlyMap<string, Verdict>; readonly board: LatestFacts }> {
    const { sources, policy } = this.#setup;
    const board = new LatestFacts(sources.map(({ name }) => name));
    await Promise.all(
      sources.map(async (source) => {
        try {
          board.put(source.name, await lookAt(source, signal));
        } catch (error) {
          board.cannotSee(source.name, errorMessage(error));
        }
      }),
    );
    const blind = board.blindSources();
    const asked = board.has('pacemaker') ? ['pacemaker'] : sources.map(({ name }) => name);
    if (asked.every((name) => blind.some(([blindName]) => blindName === name))) {
      throw new Error(`no host can be read: ${blind.map(([name, reason]) => `${name}: ${reason}`).join('; ')}`);
    }
    const now = Date.now();
    const verdicts = new Map([...byHost(board.facts())].map(([host, facts]) => [host, judge(facts, policy, now)]));
    return { verdicts, board };
  }
}

function wasFencedAt(facts: readonly Fact[], time: number): boolean {
  return facts.some(({ fencings = [] }) => fencings.some((at) => Math.abs(at - time) <= SAME_FENCING_MS));
}
