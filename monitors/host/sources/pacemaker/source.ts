/** Pacemaker as a source of facts: polls on request, and after each hint of the alert agent. */

import { setTimeout as pause } from 'node:timers/promises';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { isHostName } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import { WakeUp } from '../../wake-up.ts';
import type { Fact, Source, SourceKind } from '../source.ts';
import type { ClusterView, NodeView } from './crm-mon.ts';
import { findingOf } from './facts.ts';
import { fencingsOf } from './fencings.ts';
import { listenForHints } from './hint.ts';
import { ambiguousHosts, computeNodes, hostOf, noComputeNode, strangeNames } from './names.ts';
import { membersIn, type Outlived, outlivedAfter } from './outlived.ts';
import { type ClusterReading, queryPacemaker } from './tools.ts';

/**
 * Alert and record of the cluster are not written at the same time: after a hint it polls again after these times. The last
 * is as long as a transition of the cluster takes (measured: 0.01 to 1.5 s). Milliseconds.
 */
const POLLS_AFTER_HINT_MS = [0, 300, 1_000, 3_000, 8_000];
/** Between two attempts to listen for hints. */
const LISTEN_AGAIN_MS = 10_000;
/** The shortest time between two hints that are followed, for any number of hints. */
const BETWEEN_HINTS_MS = 200;
const WAKE_AT_LEAST_MS = 60_000;

export type Query = (timeoutMs: number, signal: AbortSignal) => Promise<ClusterReading>;

export const pacemaker: SourceKind<'hostMonitor'> = {
  name: 'pacemaker',
  groups: ['hostMonitor'],
  create: (options) => createPacemakerSource(options),
};

export async function createPacemakerSource(
  { hostMonitor: options }: Pick<EngineOptions, 'hostMonitor'>,
  query: Query = queryPacemaker,
): Promise<Source> {
  if (options.hostNameForm === 'full' && options.hostNameDomain === '') {
    throw new Error('[host] host_name_form is full, but host_name_domain is empty; set it, e.g. to example.org');
  }
  return new PacemakerSource(options, query);
}

class PacemakerSource implements Source {
  readonly name = 'pacemaker';
  readonly #options: EngineOptions['hostMonitor'];
  readonly #query: Query;
  #outlived: Outlived = new Map();
  #members: ReadonlySet<string> | undefined;
  /** Remote nodes were the compute hosts. Automatic detection keeps them: the cluster nodes are other machines. */
  #watchesRemotes = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: EngineOptions['hostMonitor'], query: Query) {
    this.#options = options;
    this.#query = query;
  }

  /** Polls run one after the other: a newer one never ends before an older one, which would restore old facts. */
  poll(signal: AbortSignal): Promise<readonly Fact[]> {
    const turn = this.#turn.then(() => this.#poll(signal));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #poll(signal: AbortSignal): Promise<readonly Fact[]> {
    signal.throwIfAborted();
    const { view, cib } = await this.#query(this.#options.pacemakerTimeoutMs, signal);
    const now = Date.now();
    this.#outlived = outlivedAfter(this.#outlived, this.#members, view, cib, now);
    this.#members = membersIn(cib);
    const nodes = this.#computeNodes(view);
    const ambiguous = ambiguousHosts(nodes, this.#options);
    const seen = nodes.map((node): Fact => {
      const host = hostOf(node.name, this.#options);
      const reported = { source: 'pacemaker', host } as const;
      if (ambiguous.has(host) || !isHostName(host)) {
        const detail = `node ${node.name} has no host name of its own; see [host] host_names`;
        return { ...reported, state: 'unknown', isUnreadable: true, at: now, detail };
      }
      const finding = findingOf(node, { view, cib, outlived: this.#outlived, now });
      const fencings = fencingsOf(node.name, finding, { view, cib, now });
      return { ...reported, ...finding, ...(fencings === undefined ? {} : { fencings }) };
    });
    // Without this fact a missing node would silently be unwatched.
    const missing = strangeNames(view, this.#options).map((name): Fact => {
      const detail = `Pacemaker knows no node ${name}; see [host] compute_hosts`;
      const host = hostOf(name, this.#options);
      return { source: 'pacemaker', host, state: 'unknown', isUnlisted: true, at: now, detail };
    });
    if (seen.length + missing.length === 0) throw new Error(noComputeNode(view));
    return [...seen, ...missing.filter(({ host }) => seen.every((fact) => fact.host !== host))];
  }

  #computeNodes(view: ClusterView): readonly NodeView[] {
    const { computeHosts, pacemakerNodeType } = this.#options;
    const isDetected = computeHosts.length === 0 && pacemakerNodeType === 'autodetect';
    const nodes = computeNodes(view, this.#options);
    if (isDetected && nodes.some(({ isRemote }) => isRemote)) this.#watchesRemotes = true;
    if (!isDetected || !this.#watchesRemotes || nodes.some(({ isRemote }) => isRemote)) return nodes;
    throw new Error(
      'Pacemaker has no remote node any more, and remote nodes were the compute hosts; restart the monitor if cluster nodes are now',
    );
  }

  async follow(report: (facts: readonly Fact[]) => void, log: Log, signal: AbortSignal): Promise<void> {
    const hints = new Hints();
    await Promise.all([this.#listen(hints, log, signal), this.#pollOnHints(hints, report, log, signal)]);
  }

  async #listen(hints: Hints, log: Log, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await listenForHints(
          this.#options.alertSocket,
          (words) => {
            log('debug', 'Pacemaker alerts', { words });
            hints.give();
          },
          signal,
        );
      } catch (error) {
        const reason = errorMessage(error);
        log('warning', 'alerts of Pacemaker cannot be received; the next poll detects the changes', { reason });
        await pause(LISTEN_AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #pollOnHints(
    hints: Hints,
    report: (facts: readonly Fact[]) => void,
    log: Log,
    signal: AbortSignal,
  ): Promise<void> {
    while (await hints.next(signal)) {
      const hintedAt = performance.now();
      for (const afterMs of POLLS_AFTER_HINT_MS) {
        if (await hints.comesBefore(hintedAt + afterMs, signal)) break;
        if (signal.aborted) return;
        try {
          report(await this.poll(signal));
        } catch (error) {
          const reason = errorMessage(error);
          if (!signal.aborted) log('debug', 'a poll after an alert failed', { reason });
        }
      }
    }
  }
}

/** Hints that were given and not yet taken count as one. */
class Hints {
  readonly #bell = new WakeUp();
  #isGiven = false;
  #takenAt = Number.NEGATIVE_INFINITY;

  give(): void {
    this.#isGiven = true;
    this.#bell.ring();
  }

  /** Waits for a hint and takes it; false when the signal came first. */
  async next(signal: AbortSignal): Promise<boolean> {
    while (!this.#isGiven && !signal.aborted) await this.#bell.wait(WAKE_AT_LEAST_MS, signal);
    const waitMs = this.#takenAt + BETWEEN_HINTS_MS - performance.now();
    if (waitMs > 0 && !signal.aborted) await new WakeUp().wait(waitMs, signal);
    this.#isGiven = false;
    this.#takenAt = performance.now();
    return !signal.aborted;
  }

  /** Whether a hint is given by that time (of `performance.now`); it is not taken. */
  async comesBefore(time: number, signal: AbortSignal): Promise<boolean> {
    while (!this.#isGiven && !signal.aborted && performance.now() < time) {
      await this.#bell.wait(time - performance.now(), signal);
    }
    return this.#isGiven;
  }
}
