/**
 * The heartbeats of other hosts as a source of the host monitor.
 *
 * Invariant: it proves nothing. `up` is reported on arrival, `down` after silence, `leaving` upon a goodbye. While it cannot
 * listen it reports nothing about any host, and the silence of that time does not count.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { EngineOptions } from '#config/options/options.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { isEqualHost } from '#protocol/host-name.ts';
import type { Log } from '#protocol/log.ts';
import { MAX_HOSTS, readInventory } from '../inventory.ts';
import type { Fact, Source, SourceKind } from '../source.ts';
import { HeartbeatKeys } from './keys.ts';
import { parsePacket } from './packet.ts';
import { receive } from './receiver.ts';
import { RefusalLog } from './refusals.ts';
import { HeartbeatRegister, type SilenceDecision } from './register.ts';

/** Delay before the port is opened again. */
const REOPEN_MS = 5_000;

export const heartbeat: SourceKind<'heartbeat' | 'hostSources' | 'transport'> = {
  name: 'heartbeat',
  groups: ['heartbeat', 'hostSources', 'transport'],
  create: createHeartbeatSource,
};

export async function createHeartbeatSource(
  options: Pick<EngineOptions, 'heartbeat' | 'hostSources' | 'transport'>,
  node: string,
): Promise<Source> {
  return new HeartbeatSource(options, node);
}

class HeartbeatSource implements Source {
  readonly name = 'heartbeat';
  readonly #options: EngineOptions['heartbeat'];
  readonly #node: string;
  readonly #keys: HeartbeatKeys;
  readonly #register: HeartbeatRegister;
  /** Why it does not listen; undefined while it does. */
  #deaf: string | undefined = 'the socket is not open yet';
  #refusals: RefusalLog | undefined;
  #following = false;
  #opening = Promise.withResolvers<void>();
  #ownPoll: { readonly controller: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(options: Pick<EngineOptions, 'heartbeat' | 'hostSources' | 'transport'>, node: string) {
    const { timeoutMs, clockSkewMs, massSilence } = options.heartbeat;
    this.#options = options.heartbeat;
    this.#node = node;
    this.#keys = new HeartbeatKeys(options);
    if (this.#keys.watchFault !== undefined) throw new Error(this.#keys.watchFault);
    const expected = (readInventory(options.hostSources.inventory) ?? []).flatMap(({ name }) =>
      name === node ? [] : [name],
    );
    const rule = { timeoutMs, clockSkewMs, massSilencePercent: massSilence, maxHosts: MAX_HOSTS };
    this.#register = new HeartbeatRegister(rule, expected, performance.now());
  }

  async poll(signal: AbortSignal): Promise<readonly Fact[]> {
    if (this.#following) {
      const aborted = Promise.withResolvers<void>();
      const stop = () => aborted.resolve();
      signal.addEventListener('abort', stop, { once: true });
      await Promise.race([this.#opening.promise, aborted.promise]);
      signal.removeEventListener('abort', stop);
    } else await this.#listenForOnePoll(signal);
    signal.throwIfAborted();
    if (this.#deaf !== undefined) throw new Error(`no heartbeat can be received: ${this.#deaf}`);
    const decisions = this.#register.decisions(performance.now());
    if (!this.#following) this.#deaf = 'the socket is closed';
    const refused = this.#refusals?.summary();
    const [first] = decisions;
    if (!this.#register.hasReceived) {
      throw new Error(`no heartbeat was received so far (${refused ?? 'no datagram arrived'})`);
    }
    if (decisions.length > 1 && first !== undefined && decisions.every(({ state }) => state === 'unknown')) {
      throw new Error(`no state of any host is known; ${first.host}: ${first.detail}${refused ? ` (${refused})` : ''}`);
    }
    return decisions.map(factOf);
  }

  async follow(report: (facts: readonly Fact[]) => void, log: Log, signal: AbortSignal): Promise<void> {
    this.#following = true;
    this.#ownPoll?.controller.abort();
    await this.#ownPoll?.ended;
    const judging = this.#decide(report, signal);
    while (!signal.aborted) {
      await this.#listen(report, log, signal);
      if (signal.aborted) break;
      log('error', 'heartbeats cannot be received; retrying', { why: this.#deaf });
      await delay(REOPEN_MS, undefined, { signal }).catch(() => undefined);
    }
    await judging;
    this.#following = false;
    this.#opening = Promise.withResolvers();
  }

  /** Ends with the signal, or when the socket fails. */
  async #listen(report: (facts: readonly Fact[]) => void, log: Log, signal: AbortSignal): Promise<void> {
    const refusals = new RefusalLog(log);
    this.#refusals = refusals;
    const arrived = (bytes: Buffer, from: string) => {
      const packet = parsePacket(bytes, (host) => this.#keys.of(host));
      if (typeof packet === 'string') return refusals.add(packet, from);
      if (isEqualHost(packet.host, this.#node)) return;
      const taken = this.#register.take(packet, performance.now(), Date.now());
      if (taken === 'repeated') return;
      if (taken !== 'new') return refusals.add(taken, from, packet.host);
      const host = this.#register.nameOf(packet.host);
      const isGoodbye = packet.kind === 'goodbye';
      const decision: SilenceDecision = isGoodbye
        ? { host, state: 'leaving', detail: 'sent a goodbye' }
        : { host, state: 'up', detail: 'heartbeat' };
      report([factOf(decision)]);
    };
    const opened = () => {
      this.#register.listeningFrom(performance.now());
      this.#deaf = undefined;
      this.#opening.resolve();
    };
    try {
      await receive(this.#options, arrived, opened, signal);
      this.#deaf = 'the socket is closed';
    } catch (error) {
      const why = errorMessage(error);
      this.#deaf = `UDP ${this.#options.listen} port ${this.#options.port}: ${why}`;
      this.#opening.resolve();
    } finally {
      refusals.flush();
    }
  }

  /** Reports silence, each change once. */
  async #decide(report: (facts: readonly Fact[]) => void, signal: AbortSignal): Promise<void> {
    const { timeoutMs } = this.#options;
    const received = new Map<string, string>();
    let before = performance.now();
    while (!signal.aborted) {
      await delay(Math.min(1_000, timeoutMs / 4), undefined, { signal }).catch(() => undefined);
      const now = performance.now();
      // This process was suspended: datagrams that arrived since have not been read yet.
      if (now - before > timeoutMs / 2) this.#register.listeningFrom(now);
      before = now;
      if (signal.aborted || this.#deaf !== undefined) continue;
      const changed = this.#register.decisions(now).filter(({ host, state, detail }) => {
        const text = `${state} ${detail}`;
        const isNew = received.get(host) !== text;
        received.set(host, text);
        return isNew && state !== 'up';
      });
      if (changed.length > 0) report(changed.map(factOf));
    }
  }

  /** Listens long enough to detect silent hosts. */
  async #listenForOnePoll(signal: AbortSignal): Promise<void> {
    const controller = new AbortController();
    const both = AbortSignal.any([signal, controller.signal]);
    const ended = this.#listen(
      () => undefined,
      () => undefined,
      both,
    );
    this.#ownPoll = { controller, ended };
    try {
      const enough = delay(this.#options.timeoutMs + 50, undefined, { signal: both }).catch(() => undefined);
      await Promise.race([enough, ended]);
      const received = this.#deaf === undefined;
      controller.abort();
      await ended;
      if (received) this.#deaf = undefined;
    } finally {
      controller.abort();
      this.#ownPoll = undefined;
    }
  }
}

function factOf({ host, state, detail }: SilenceDecision): Fact {
  return { source: 'heartbeat', host, state, at: Date.now(), detail };
}
