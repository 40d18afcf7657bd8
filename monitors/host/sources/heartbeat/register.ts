/**
 * What is known of each host by its heartbeats, and what that says. Pure: packets and times in, verdicts out.
 *
 * Invariants:
 * - A packet counts once. One that was seen before, or is older than one that was, changes nothing: within one boot the
 *   sequence must rise, and a packet of another boot must be younger than the last of the boot before.
 * - Silence alone says `down`, never proof; it says `unknown` where most hosts fell silent together, where this process
 *   itself did not listen, or where a host does speak and only its clock is wrong.
 */
import { massSilence } from '../silence.ts';
import type { Packet } from './packet.ts';

export interface RegisterRule {
  readonly timeoutMs: number;
  readonly clockSkewMs: number;
  readonly massSilencePercent: number;
  readonly maxHosts: number;
}

/** What became of a packet: it counted, or why it did not. */
export type Taken = 'new' | 'repeated' | 'replayed' | 'wrong clock' | 'too many hosts';

export interface Verdict {
  readonly host: string;
  readonly says: 'up' | 'down' | 'leaving' | 'unknown';
  readonly detail: string;
}

interface Known {
  /** Monotonic, milliseconds; undefined until the first packet. */
  heardAt: number | undefined;
  last: Pick<Packet, 'bootId' | 'sequence' | 'time' | 'kind'> | undefined;
  /** A packet that is right in all but its time. */
  skewed: { at: number; byMs: number; bootId: string; sequence: bigint } | undefined;
}

export class HeartbeatRegister {
  readonly #rule: RegisterRule;
  readonly #hosts = new Map<string, Known>();
  #listeningSince: number;

  /** @param expected hosts that should be heard; others are known from their first packet on. */
  constructor(rule: RegisterRule, expected: readonly string[], now: number) {
    this.#rule = rule;
    this.#listeningSince = now;
    for (const host of expected) this.#hosts.set(host, { heardAt: undefined, last: undefined, skewed: undefined });
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** Nothing could be heard until now: no silence from before it counts. */
  listeningFrom(now: number): void {
    this.#listeningSince = now;
  }

  /**
   * @param now monotonic, milliseconds
   * @param utc the same moment by the clock of this host, milliseconds UTC
   */
  take(packet: Packet, now: number, utc: number): Taken {
    const known = this.#hosts.get(packet.host);
    if (known === undefined && this.#hosts.size >= this.#rule.maxHosts) return 'too many hosts';
    const { bootId, sequence, time, kind } = packet;
    const last = known?.last;
    if (last?.bootId === bootId) {
      // A host sends every packet to all addresses of a watcher: the second to arrive is no attack.
      if (sequence === last.sequence) return 'repeated';
      if (sequence < last.sequence) return 'replayed';
    } else if (last !== undefined && time <= last.time) return 'replayed';
    const byMs = time - utc;
    if (Math.abs(byMs) > this.#rule.clockSkewMs) {
      const before = known?.skewed;
      if (before?.bootId === bootId && sequence <= before.sequence) return 'replayed';
      // Only a host that is known: a captured packet must not make a new one.
      if (known !== undefined) known.skewed = { at: now, byMs, bootId, sequence };
      return 'wrong clock';
    }
    this.#hosts.set(packet.host, { heardAt: now, last: { bootId, sequence, time, kind }, skewed: undefined });
    return 'new';
  }

  /** What is to be said of every host. @param now monotonic, milliseconds */
  verdicts(now: number): readonly Verdict[] {
    const { timeoutMs, massSilencePercent } = this.#rule;
    const lastHeard = new Map<string, number>();
    for (const [host, known] of this.#hosts) {
      if (known.last?.kind === 'goodbye') continue;
      lastHeard.set(host, Math.max(known.heardAt ?? this.#listeningSince, this.#listeningSince));
    }
    // Half the time-out is several intervals: who was quiet for so long has missed beats.
    const window = timeoutMs / 2;
    const quiet = [...lastHeard].flatMap(([host, at]) => (now - at > window ? [host] : []));
    const together = massSilence(lastHeard, quiet, { window, sharePercent: massSilencePercent });
    const mass = `mass silence: ${together.size} of ${lastHeard.size} hosts fell silent together`;
    return Array.from(this.#hosts, ([host, known]) => {
      const silentMs = now - (lastHeard.get(host) ?? now);
      return verdictOf(host, known, { now, silentMs, timeoutMs, mass: together.has(host) ? mass : undefined });
    });
  }
}

interface Moment {
  readonly now: number;
  readonly silentMs: number;
  readonly timeoutMs: number;
  readonly mass: string | undefined;
}

function verdictOf(host: string, { heardAt, last, skewed }: Known, moment: Moment): Verdict {
  const { now, silentMs, timeoutMs, mass } = moment;
  if (last?.kind === 'goodbye') return { host, says: 'leaving', detail: 'said goodbye' };
  if (silentMs <= timeoutMs) {
    if (heardAt === undefined) return { host, says: 'unknown', detail: 'not heard yet' };
    if (now - heardAt <= timeoutMs) return { host, says: 'up', detail: 'heartbeat' };
    return { host, says: 'unknown', detail: 'not heard since this monitor listens again' };
  }
  if (skewed !== undefined && now - skewed.at <= timeoutMs) {
    const seconds = Math.round(skewed.byMs / 1000);
    const detail = `its heartbeats are refused: its clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'slow' : 'fast'}`;
    return { host, says: 'unknown', detail };
  }
  if (mass !== undefined) return { host, says: 'unknown', detail: mass };
  const detail = heardAt === undefined ? 'never heard' : `no heartbeat for more than ${timeoutMs / 1000} s`;
  return { host, says: 'down', detail };
}
