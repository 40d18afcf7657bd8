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
import { proofOfDeath } from '../gates/proof-of-death-decision.ts';
import { whyLeftAlone } from '../intake/came-back.ts';
import type { Parking } from '../intake/parked-reports.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { CrashBackoffs } from './crash-backoffs.ts';
import { type GateFactsParts, GateFactsReader, type PlanFacts } from './gate-facts.ts';
import type { Waits } from './waits.ts';

export interface HoldsParts extends GateFactsParts {
  readonly log: Log;
  readonly parking: Parking;
  readonly waits: Waits;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

/** With more held recoveries than this, events that follow each other are decided together. */
const MANY_HELD = 32;
const DECIDE_AGAIN_MS = 1_000;

export class Holds {
  readonly #parts: HoldsParts;
  readonly #facts: GateFactsReader;
  readonly #crashBackoffs: CrashBackoffs;
  /** CLOCK_BOOTTIME ms of the last decision about what is held. */
  #decidedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: HoldsParts) {
    this.#parts = parts;
    this.#facts = new GateFactsReader(parts);
    this.#crashBackoffs = new CrashBackoffs(parts);
  }

  /** The facts of one plan of the queue. @param open all recoveries that are not closed, under Nova's names */
  collect(open: readonly LogbookRow[]): Promise<PlanFacts> {
    this.#parts.proofChecks.keepOnly(open);
    return this.#facts.collect(open);
  }

  /**
   * Whether a recovery that could start now is parked, or becomes a dead letter, instead. `unknown`: the facts are being read, and the queue
   * is planned again when they are there.
   */
  async holds(row: LogbookRow, facts: PlanFacts): Promise<boolean | 'unknown'> {
    // What an engine left running is resumed: a gate leaves nothing half done.
    if (row.status === 'running') return false;
    if (this.#isReading(row)) return 'unknown';
    const decision = await this.#decide(row, facts);
    if (decision.do === 'hold') {
      await this.#parts.parking.delay(row.uuid, decision.reason);
      return true;
    }
    if (await this.#crashBackoffs.holds(row)) return true;
    this.#facts.started(row, facts);
    return false;
  }

  /** The gates' decisions about failures that are not reported: of each the reason of its hold, or null. Changes nothing. */
  async foresee(open: readonly LogbookRow[], failures: readonly LogbookRow[]): Promise<readonly (string | null)[]> {
    const [first] = failures;
    if (first) await this.#facts.refresh(first);
    const facts = await this.collect([...open, ...failures]);
    return failures.map((row) => {
      const decision = passGates(facts.of(row, false));
      if (decision.do === 'hold') return decision.reason;
      facts.started(row.host);
      return null;
    });
  }

  /** Releases those that nothing holds any more. Returns when to decide again, CLOCK_BOOTTIME ms; null: none is held. */
  async release(open: readonly LogbookRow[], facts: PlanFacts): Promise<number | null> {
    const { clock, parking } = this.#parts;
    const held = open.filter((row) => row.parked_reason !== null && row.parked_by === null);
    if (held.length > MANY_HELD && clock.boottime() < this.#decidedAt + DECIDE_AGAIN_MS) {
      return this.#decidedAt + DECIDE_AGAIN_MS;
    }
    this.#decidedAt = clock.boottime();
    let next: number | null = null;
    for (const row of held) {
      const waitMs = await this.#waitOf(row, facts);
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
  async #waitOf(row: LogbookRow, facts: PlanFacts): Promise<number> {
    if (this.#isReading(row)) return READ_AGAIN_MS;
    const decision = await this.#decide(row, facts);
    if (decision.do === 'hold') {
      // Another gate has another reason. Only changed results of proofs are worth a write: other values change with every host.
      const isSameGate = row.parked_reason?.startsWith(`Held by gate ${decision.gate}:`) ?? false;
      const isNewProof = decision.gate === proofOfDeath.name && decision.reason !== row.parked_reason;
      if (!isSameGate || isNewProof) {
        await this.#parts.parking.delay(row.uuid, decision.reason);
      }
      return Math.max(1, decision.readAgainMs);
    }
    return this.#crashBackoffs.waitOf(row);
  }

  /** A recovery whose host came back is held by a pause only: it ends without any action. */
  async #decide(row: LogbookRow, facts: PlanFacts): Promise<GateDecision & { readonly gate?: string }> {
    const { journal } = this.#parts;
    const decision = passGates(facts.of(row, false));
    if (decision.do === 'pass' || decision.gate === pause.name) return decision;
    if (await journal.query('hasStarted', row.id)) return passGates(facts.of(row, true));
    if ((await whyLeftAlone(journal, row)) !== null) return { do: 'pass' };
    if (decision.gate === proofOfDeath.name) this.#parts.proofChecks.start(row);
    return decision;
  }
}
