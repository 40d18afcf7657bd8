/** The host monitor: says of compute hosts whether they live, with proof where they do not. */
import type { EngineOptions } from '#config/options.ts';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { CreateMonitor, Monitor, MonitorContext, Recheck, Sight } from '../monitor.ts';
import { Board } from './board.ts';
import type { Fact } from './fact.ts';
import { byHost, judge, type Verdict } from './judge.ts';
import { SAME_FENCING_MS } from './known-fencings.ts';
import { Ledger } from './ledger.ts';
import { prepare, type Setup } from './setup.ts';
import { LOOK_TIMEOUT_MS, Watch } from './watch.ts';

/** Looks in a row that may fail before the monitor counts as blind. */
const BLIND_AFTER_LOOKS = 3;

export const create: CreateMonitor = async (options, node) => new HostMonitor(await prepare(options, node), node);

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
      const ledger = Ledger.open(this.#setup.options.stateFile, context.log);
      await new Watch(this.#setup, context, ledger).run(AbortSignal.any([context.signal, watching.signal]));
    }
  }

  async look(signal: AbortSignal): Promise<readonly Sight[]> {
    const { verdicts, blind } = await this.#lookAtAll(signal);
    const hosts = [...verdicts].map(([host, { state, proof, reason, because }]): Sight => {
      const others = because.filter(({ detail }) => detail !== reason).map((fact) => `${fact.source}: ${fact.detail}`);
      const proven = proof === undefined ? [] : [`proof: ${proof}`];
      return { subject: host, state, detail: [reason, ...proven, ...others].join('; ') };
    });
    return [
      ...hosts,
      ...blind.map(([name, reason]): Sight => ({ subject: `(${name})`, state: 'blind', detail: reason })),
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
        // Its instances ended with its power: the engine decides what becomes of them.
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

  async reload(options: EngineOptions): Promise<void> {
    this.#setup = await prepare(options, this.#node);
    this.#watching?.abort();
  }

  /** Throws when the monitor is blind. */
  async #lookAtAll(signal: AbortSignal): Promise<{
    readonly verdicts: ReadonlyMap<string, Verdict>;
    readonly blind: readonly (readonly [string, string])[];
  }> {
    const { sources, policy } = this.#setup;
    const board = new Board(sources.map(({ name }) => name));
    const blind: (readonly [string, string])[] = [];
    await Promise.all(
      sources.map(async (source) => {
        try {
          board.put(source.name, await source.look(signal));
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          blind.push([source.name, reason]);
          board.cannotSee(source.name, reason);
        }
      }),
    );
    const asked = sources.some(({ name }) => name === 'pacemaker') ? ['pacemaker'] : sources.map(({ name }) => name);
    if (asked.every((name) => blind.some(([blindName]) => blindName === name))) {
      throw new Error(`no host can be seen: ${blind.map(([name, reason]) => `${name}: ${reason}`).join('; ')}`);
    }
    const now = Date.now();
    return {
      verdicts: new Map([...byHost(board.facts())].map(([host, facts]) => [host, judge(facts, policy, now)])),
      blind,
    };
  }
}

function wasFencedAt(facts: readonly Fact[], time: number): boolean {
  return facts.some(({ fencings = [] }) => fencings.some((at) => Math.abs(at - time) <= SAME_FENCING_MS));
}
