/**
 * Holds recoveries that may not start yet: by a gate, or by the back-off of an instance that crashes repeatedly.
 *
 * Invariant: what is held is parked with its reason in the journal, and decided again after each event and after each wait. A host that
 * came back meanwhile releases its recovery, which then ends without any action.
 */
import type { Log } from '#protocol/log.ts';
import { type GateDecision, READ_AGAIN_MS } from '../gates/gate.ts';
import { passGates } from '../gates/gates.ts';
import { pause } from '../gates/pause-decision.ts';
import { whyLeftAlone } from '../intake/came-back.ts';
import type { Parking } from '../intake/parked-reports.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { CrashBackoffs } from './crash-backoffs.ts';
import { type GateFactsParts, GateFactsReader } from './gate-facts.ts';
import type { Waits } from './waits.ts';

export interface HoldsParts extends GateFactsParts {
  readonly log: Log;
  readonly parking: Parking;
  readonly waits: Waits;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

export class Holds {
  readonly #parts: HoldsParts;
  readonly #facts: GateFactsReader;
  readonly #crashBackoffs: CrashBackoffs;

  constructor(parts: HoldsParts) {
    this.#parts = parts;
    this.#facts = new GateFactsReader(parts);
    this.#crashBackoffs = new CrashBackoffs(parts);
  }

  /**
   * Whether a recovery that could start now is parked, or becomes a dead letter, instead. `unknown`: the facts are being read, and the queue
   * is planned again when they are there.
   */
  async holds(row: LogbookRow, open: readonly LogbookRow[]): Promise<boolean | 'unknown'> {
    // What an engine left running is resumed: a gate leaves nothing half done.
    if (row.status === 'running') return false;
    if (this.#isReading(row)) return 'unknown';
    const decision = await this.#decide(row, open);
    if (decision.do === 'hold') {
      await this.#parts.parking.delay(row.uuid, decision.reason);
      return true;
    }
    if (await this.#crashBackoffs.holds(row)) return true;
    this.#facts.started(row);
    return false;
  }

  /** Releases those that nothing holds any more. Returns when to decide again, CLOCK_BOOTTIME ms; null: none is held. */
  async release(open: readonly LogbookRow[]): Promise<number | null> {
    const { clock, parking } = this.#parts;
    let next: number | null = null;
    for (const row of open) {
      if (row.parked_reason === null || row.parked_by !== null) continue;
      const waitMs = await this.#waitOf(row, open);
      if (waitMs === 0) await parking.release(row.uuid);
      next = Math.min(next ?? Number.POSITIVE_INFINITY, clock.boottime() + waitMs);
    }
    return next;
  }

  /** Whether facts are being read: a slow cloud delays no other decision. */
  #isReading(row: LogbookRow): boolean {
    const reading = this.#facts.refresh(row);
    void reading?.then(this.#parts.wake);
    return reading !== undefined;
  }

  /** Milliseconds until it may be released; 0: now. */
  async #waitOf(row: LogbookRow, open: readonly LogbookRow[]): Promise<number> {
    if (this.#isReading(row)) return READ_AGAIN_MS;
    const decision = await this.#decide(row, open);
    if (decision.do === 'hold') {
      // Values in the reason may have changed; another gate has another reason.
      if (!row.parked_reason?.startsWith(`Held by gate ${decision.gate}:`)) {
        await this.#parts.parking.delay(row.uuid, decision.reason);
      }
      return Math.max(1, decision.readAgainMs);
    }
    return this.#crashBackoffs.waitOf(row);
  }

  /** A recovery whose host came back is held by a pause only: it ends without any action. */
  async #decide(row: LogbookRow, open: readonly LogbookRow[]): Promise<GateDecision & { readonly gate?: string }> {
    const decision = passGates(await this.#facts.read(row, open));
    if (decision.do === 'pass' || decision.gate === pause.name) return decision;
    const isBack = (await whyLeftAlone(this.#parts.journal, row)) !== null;
    return isBack ? { do: 'pass' } : decision;
  }
}
