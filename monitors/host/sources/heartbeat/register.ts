/**
 * The known heartbeats of each host, and the resulting states. Pure: packets and times in, states out.
 *
 * Invariants:
 * - A packet counts once. A packet that was received before, or is older than a received one, changes nothing: within one boot the
 *   sequence must rise, and a packet of another boot must be younger than the last of the boot before.
 * - Silence alone results in `down`, never in a proof. It results in `unknown` if most hosts fell silent together, if this process
 *   itself did not listen, if the host does send and only its clock is wrong, and while no host has ever sent: a wrong key or a
 *   firewall has the same effect.
 * - A host has one name, independent of the case of the letters in its packets: one key proves all of these spellings, and a host that
 *   could become many would turn the silence of others into an apparent fault of the network.
 */
import { comparableHost } from '#protocol/host-name.ts';
import { massSilence } from '../../mass-silence-decision.ts';
import type { Packet } from './packet.ts';

export interface RegisterRule {
  readonly timeoutMs: number;
  readonly clockSkewMs: number;
  readonly massSilencePercent: number;
  readonly maxHosts: number;
}

/** The result for a packet: it counted, or why it did not. */
export type Taken = 'new' | 'repeated' | 'replayed' | 'wrong clock' | 'too many hosts';

export interface SilenceDecision {
  readonly host: string;
  readonly state: 'up' | 'down' | 'leaving' | 'unknown';
  readonly detail: string;
}

interface Known {
  /** Monotonic, milliseconds; undefined until the first packet. */
  receivedAt: number | undefined;
  last: Pick<Packet, 'bootId' | 'sequence' | 'time' | 'kind'> | undefined;
  /** A packet that is valid except for its time. */
  skewed: { at: number; byMs: number; bootId: string; sequence: bigint } | undefined;
}

export class HeartbeatRegister {
  readonly #rule: RegisterRule;
  readonly #hosts = new Map<string, Known>();
  /** The names of `#hosts` by their comparable form. */
  readonly #names = new Map<string, string>();
  #listeningSince: number;

  /** @param expected hosts that should send heartbeats; others are known from their first packet on. */
  constructor(rule: RegisterRule, expected: readonly string[], now: number) {
    this.#rule = rule;
    this.#listeningSince = now;
    for (const host of expected) this.#set(host, { receivedAt: undefined, last: undefined, skewed: undefined });
  }

  /** The known name of the host in a packet. */
  nameOf(host: string): string {
    return this.#names.get(comparableHost(host)) ?? host;
  }

  #set(host: string, known: Known): void {
    this.#names.set(comparableHost(host), host);
    this.#hosts.set(host, known);
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** A packet of any host was accepted, or refused for its clock alone. */
  get hasReceived(): boolean {
    return [...this.#hosts.values()].some(({ receivedAt, skewed }) => receivedAt !== undefined || skewed !== undefined);
  }

  /** The socket was closed until now: silence from before does not count. */
  listeningFrom(now: number): void {
    this.#listeningSince = now;
  }

  /**
   * @param now monotonic, milliseconds
   * @param utc the same moment by the clock of this host, milliseconds UTC
   */
  take(packet: Packet, now: number, utc: number): Taken {
    const host = this.nameOf(packet.host);
    const known = this.#hosts.get(host);
    if (known === undefined && this.#hosts.size >= this.#rule.maxHosts) return 'too many hosts';
    const { bootId, sequence, time, kind } = packet;
    const last = known?.last;
    if (last?.bootId === bootId) {
      // A host sends every packet to all addresses of a watcher: the second copy is no attack.
      if (sequence === last.sequence) return 'repeated';
      if (sequence < last.sequence) return 'replayed';
    } else if (last !== undefined && time <= last.time) return 'replayed';
    const byMs = time - utc;
    if (Math.abs(byMs) > this.#rule.clockSkewMs) {
      const before = known?.skewed;
      if (before?.bootId === bootId && sequence <= before.sequence) return 'replayed';
      // Only for a known host: a captured packet must not add a new one.
      if (known !== undefined) known.skewed = { at: now, byMs, bootId, sequence };
      return 'wrong clock';
    }
    this.#set(host, { receivedAt: now, last: { bootId, sequence, time, kind }, skewed: undefined });
    return 'new';
  }

  /** The state of every host. @param now monotonic, milliseconds */
  decisions(now: number): readonly SilenceDecision[] {
    const { timeoutMs, massSilencePercent } = this.#rule;
    const lastReceivedAt = new Map<string, number>();
    for (const [host, known] of this.#hosts) {
      if (known.last?.kind === 'goodbye') continue;
      lastReceivedAt.set(host, Math.max(known.receivedAt ?? this.#listeningSince, this.#listeningSince));
    }
    // Half the timeout is several intervals: a host that is quiet for so long has missed heartbeats.
    const window = timeoutMs / 2;
    const quiet = [...lastReceivedAt].flatMap(([host, at]) => (now - at > window ? [host] : []));
    const together = massSilence(lastReceivedAt, quiet, { window, sharePercent: massSilencePercent });
    const { hasReceived } = this;
    const mass = `mass silence: ${together.size} of ${lastReceivedAt.size} hosts fell silent together`;
    return Array.from(this.#hosts, ([host, known]) => {
      const silentMs = now - (lastReceivedAt.get(host) ?? now);
      if (!hasReceived) return { host, state: 'unknown', detail: 'no heartbeat of any host received' };
      return decisionOf(host, known, { now, silentMs, timeoutMs, mass: together.has(host) ? mass : undefined });
    });
  }
}

interface Moment {
  readonly now: number;
  readonly silentMs: number;
  readonly timeoutMs: number;
  readonly mass: string | undefined;
}

function decisionOf(host: string, { receivedAt, last, skewed }: Known, moment: Moment): SilenceDecision {
  const { now, silentMs, timeoutMs, mass } = moment;
  if (last?.kind === 'goodbye') return { host, state: 'leaving', detail: 'sent a goodbye' };
  if (silentMs <= timeoutMs) {
    if (receivedAt === undefined) return { host, state: 'unknown', detail: 'no heartbeat received yet' };
    if (now - receivedAt <= timeoutMs) return { host, state: 'up', detail: 'heartbeat' };
    return { host, state: 'unknown', detail: 'no heartbeat since this monitor listens again' };
  }
  if (skewed !== undefined && now - skewed.at <= timeoutMs) {
    const seconds = Math.round(skewed.byMs / 1000);
    const detail = `its heartbeats are refused: its clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'slow' : 'fast'}`;
    return { host, state: 'unknown', detail };
  }
  if (mass !== undefined) return { host, state: 'unknown', detail: mass };
  const detail =
    receivedAt === undefined ? 'no heartbeat ever received' : `no heartbeat for more than ${timeoutMs / 1000} s`;
  return { host, state: 'down', detail };
}
