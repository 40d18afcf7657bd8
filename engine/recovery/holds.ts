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
import { recordGates } from '../gates/recorded-facts.ts';
import { whyLeftAlone } from '../intake/came-back.ts';
import type { Parking } from '../intake/parked-reports.ts';
import type { AddDecision } from '../journal/mutations.ts';
import type { LogbookRow } from '../journal/rows.ts';
import { CrashBackoffs } from './crash-backoffs.ts';
import { type GateFactsParts, GateFactsReader, type PlanFacts } from './gate-facts.ts';
import type { PendingDecisions } from './pending-decisions.ts';
import type { Waits } from './waits.ts';

export interface HoldsParts extends GateFactsParts {
  readonly log: Log;
  readonly parking: Parking;
  readonly waits: Waits;
  readonly decisions: PendingDecisions;
  /** Causes the queue to be planned again. */
  readonly wake: () => void;
}

interface Held {
  readonly decision: GateDecision & { readonly gate?: string };
  /** For the transaction of its effect. */
  readonly record: AddDecision;
}

/** How the reason of a recovery that a gate holds begins. */
const BY_GATE = 'Held by gate ';

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
    if (this.#isReading(row, facts)) return 'unknown';
    const { decision, record } = await this.#decide(row, facts);
    if (decision.do === 'hold') {
      await this.#parts.parking.delay(row.uuid, decision.reason, record);
      return true;
    }
    if (await this.#crashBackoffs.holds(row)) return true;
    this.#parts.decisions.keep(record);
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
      const { waitMs, record } = await this.#waitOf(row, facts);
      if (waitMs === 0 && record !== null) await parking.release(row.uuid, record);
      next = Math.min(next ?? Number.POSITIVE_INFINITY, clock.boottime() + waitMs);
    }
    return next;
  }

  /**
   * Whether facts are being read: a slow cloud delays no other decision. Facts that were collected before the list of hosts arrived decide
   * nothing either: they would release what the list holds.
   */
  #isReading(row: LogbookRow, facts: PlanFacts): boolean {
    const reading = this.#facts.refresh(row);
    if (reading !== undefined) {
      void reading.then(this.#parts.wake);
      return true;
    }
    const isOutdated = this.#facts.isOutdated(row, facts);
    if (isOutdated) this.#parts.wake();
    return isOutdated;
  }

  /** Milliseconds until it may be released; 0: now, by the decision in `record`. */
  async #waitOf(
    row: LogbookRow,
    facts: PlanFacts,
  ): Promise<{ readonly waitMs: number; readonly record: AddDecision | null }> {
    if (this.#isReading(row, facts)) return { waitMs: READ_AGAIN_MS, record: null };
    const { decision, record } = await this.#decide(row, facts);
    if (decision.do === 'hold') {
      // Another gate has another reason. Only changed results of proofs are worth a write: other values change with every host.
      const isSameGate = row.parked_reason?.startsWith(`${BY_GATE}${decision.gate}:`) ?? false;
      const isNewProof = decision.gate === proofOfDeath.name && decision.reason !== row.parked_reason;
      if (!isSameGate || isNewProof) {
        await this.#parts.parking.delay(row.uuid, decision.reason, record);
      }
      return { waitMs: Math.max(1, decision.readAgainMs), record: null };
    }
    const backoff = await this.#crashBackoffs.waitOf(row);
    const isByGate = row.parked_reason?.startsWith(BY_GATE) === true;
    return { waitMs: backoff.ms, record: isByGate ? record : (backoff.record ?? record) };
  }

  /** A recovery whose host came back is held by a pause only: it ends without any action. */
  async #decide(row: LogbookRow, facts: PlanFacts): Promise<Held> {
    const { clock, journal } = this.#parts;
    const decided = (hasStarted: boolean): Held => {
      const known = facts.of(row, hasStarted);
      const decision = passGates(known);
      return { decision, record: recordGates(row.uuid, known, decision, clock.now()) };
    };
    const first = decided(false);
    if (first.decision.gate === pause.name) return first;
    if (await journal.query('hasStarted', row.id)) return decided(true);
    if (first.decision.do === 'pass') return first;
    const reason = await whyLeftAlone(journal, row);
    if (reason !== null) return { decision: { do: 'pass' }, record: passedByLife(row, reason, clock.now()) };
    if (first.decision.gate === proofOfDeath.name) this.#parts.proofChecks.start(row);
    return first;
  }
}

/** No decision of the gates: they would hold it. */
function passedByLife({ uuid }: LogbookRow, reason: string, at: number): AddDecision {
  return { op: 'decision', uuid, kind: 'return', outcome: 'pass', rule: 'came-back', reason, facts: {}, at };
}
