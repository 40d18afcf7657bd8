/** Plays one history through the real engine, and returns its outcome. One run of a history is like the next. */

import { Agenda } from '#agents/scenario/agenda.ts';
import { Outbox } from '#agents/scenario/outbox.ts';
import type { Life } from '#agents/simulate/life.ts';
import type { LogbookRow } from '#engine/journal/rows.ts';
import { type Event, type History, reportsOf } from './history.ts';
import { ModelWorld, type Plant } from './model-world.ts';
import { NovaTroubles } from './nova-troubles.ts';
import { HOST, notificationOf, OTHER, RUNNING, STOPPED } from './reports.ts';
import { Truth } from './truth.ts';

/** So long the host has been in use before anything happens: heartbeats are older than any wrong clock reaches. */
const QUIET_MS = 200_000;
/** From an event to the arrival of its report. */
const REPORT_MS = 5_000;
/** A fenced host is up again after so long; monitors learn of the reboot then. */
const REBOOT_MS = 60_000;
/** From the return of a host to its nova-compute's first comparison of power states. */
const POWER_SYNC_MS = 40_000;
/** A report that others overtake by more is late. */
const LATE_MS = 60_000;
/** Time without events after the end: late results must change nothing. */
const AFTERMATH_MS = 2_700_000;
/** Longer than any report may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3600_000;

export interface Outcome {
  readonly logbooks: readonly LogbookRow[];
  /** What each recovery did, as text, by uuid. */
  readonly views: ReadonlyMap<string, string>;
  readonly offences: readonly string[];
  readonly duplicates: number;
  readonly guests: readonly {
    readonly uuid: string;
    readonly host: string | null;
    readonly vmState: string;
    readonly runs: boolean;
    readonly hostHasPower: boolean;
  }[];
  /** A report of the host was overtaken by that of a later event, for so long that Nova had changed what it was about. */
  readonly isLate: boolean;
  /** Awaits at which the engine can be interrupted. */
  readonly awaits: number;
}

class Play {
  readonly #history: History;
  readonly #here: ModelWorld;
  readonly #agenda: Agenda;
  readonly #truth: Truth;
  readonly #outbox: Outbox;
  readonly #troubles: NovaTroubles;
  /** The host on which the guest ran at each of its crashes; undefined: it did not run, so no monitor reports it. */
  readonly #crashed: (string | undefined)[] = [];
  readonly #started = new Set<number>();
  #isEngineThere = true;
  #isLate = false;
  #awaits = 0;
  #stopping: Promise<void> | undefined;

  constructor(history: History, here: ModelWorld) {
    this.#history = history;
    this.#here = here;
    for (const host of [HOST, 'c2', 'c3']) here.world.addHost(host);
    here.world.addInstance(HOST, { uuid: RUNNING });
    here.world.addInstance(HOST, { uuid: OTHER });
    here.world.addInstance(HOST, { uuid: STOPPED, vmState: 'stopped' });
    this.#truth = new Truth(here.world);
    if (history.proof !== 'none') this.#truth.proven.add(HOST);
    this.#agenda = new Agenda(here.clock);
    this.#outbox = new Outbox(here);
    this.#troubles = new NovaTroubles(here, this.#agenda, history.calls ?? []);
  }

  async run(): Promise<Outcome> {
    const { clock } = this.#here;
    await this.#begin('n1');
    this.#plan();
    const isCalm = async (): Promise<boolean> =>
      this.#isEngineThere && (await this.#here.journal.query('open')).length === 0;
    await clock.run(this.#agenda.run(isCalm, { aftermathMs: AFTERMATH_MS, longestMs: LONGEST_MS }));
    return clock.run(this.#outcome());
  }

  async #begin(node: string): Promise<void> {
    this.#isEngineThere = true;
    await this.#here.begin(node, {
      onAwait: (life) => this.#onAwait(life),
      onRequest: (...request) => this.#troubles.onRequest(...request),
      onEvacuation: (...request) => this.#troubles.evacuate(...request),
    });
    this.#here.journal.onCommit((mutations) => {
      for (const one of mutations) if (one.op === 'atom' && one.state === 'RUNNING') this.#started.add(one.atomId);
    });
  }

  /** Whether it is interrupted in this part: the first two tasks, or the whole flow where it is about the requests. */
  get #isInPart(): boolean {
    return this.#started.size > 0 && (this.#started.size <= 2 || this.#history.calls !== undefined);
  }

  async #onAwait(life: Life): Promise<void> {
    if (life !== this.#here.life || !this.#isInPart) return;
    this.#awaits += 1;
    const { interruption } = this.#history;
    if (interruption?.at !== this.#awaits) return;
    this.#isEngineThere = false;
    this.#agenda.later(interruption.awayMs, async () => {
      await this.#stopping;
      this.#here.skewMs = interruption.skewMs;
      await this.#begin(interruption.how === 'moved' ? 'n2' : 'n1');
      await this.#outbox.deliver();
    });
    if (interruption.how === 'stopped') {
      this.#stopping = this.#here.engine.stop();
      return;
    }
    life.doom();
    await life.outlive(null);
  }

  /** Lays out events, and the arrivals of their reports in the order of the history. */
  #plan(): void {
    const { events, gapMs, order, offsets, proof } = this.#history;
    const kinds = reportsOf(events);
    const natural: number[] = [];
    let at = QUIET_MS;
    for (const event of events) {
      this.#agenda.later(at, () => this.#happen(event));
      const lasts = event === 'reboot' ? REBOOT_MS : 0;
      for (const _ of reportsOf([event])) natural.push(at + lasts + REPORT_MS);
      at += lasts + gapMs;
    }
    const start = this.#here.clock.now();
    let arrival = 0;
    for (const index of order) {
      const made = natural[index] ?? 0;
      arrival = Math.max(made, arrival + 1_000);
      const kind = kinds[index] ?? 'death';
      this.#isLate ||= kind !== 'crash' && arrival - made > LATE_MS;
      const crash = kinds.slice(0, index).filter((one) => one === 'crash').length;
      const stamp = start + made - 1_000 + (offsets[index] ?? 0);
      this.#agenda.later(arrival, async () => {
        const host = kind === 'crash' ? this.#crashed[crash] : HOST;
        if (host === undefined) return;
        const notification = notificationOf(kind, host, stamp);
        this.#outbox.put({ notification, proof: kind === 'death' ? proof : 'none', madeAt: start + made });
        if (this.#isEngineThere) await this.#outbox.deliver();
      });
    }
  }

  #happen(event: Event): void {
    if (event === 'crash') this.#crashed.push(this.#truth.crash(RUNNING));
    if (event === 'death' || event === 'reboot') this.#truth.kill(HOST);
    if (event === 'return') this.#return();
    if (event === 'reboot') this.#agenda.later(REBOOT_MS, () => this.#return());
    if (event === 'cell') this.#troubles.silence();
  }

  #return(): void {
    this.#truth.comeBack(HOST);
    this.#agenda.later(POWER_SYNC_MS, () => this.#truth.syncPower(HOST));
  }

  async #outcome(): Promise<Outcome> {
    const { world, journal, engine } = this.#here;
    world.catchUp();
    const logbooks = await journal.query('list', { limit: 50 });
    const views = new Map<string, string>();
    for (const { uuid } of logbooks) views.set(uuid, JSON.stringify(await engine.reads.show(uuid)));
    const guests = [...world.instances.values()].map(({ uuid, host, vmState }) => ({
      uuid,
      host,
      vmState,
      runs: this.#truth.runs(uuid),
      hostHasPower: this.#truth.hasPower(host ?? ''),
    }));
    const offences = [...this.#truth.offences, ...this.#troubles.offences];
    return {
      logbooks,
      views,
      offences,
      duplicates: world.counts.duplicates,
      guests,
      isLate: this.#isLate,
      awaits: this.#awaits,
    };
  }
}

export async function play(history: History, plant?: Plant): Promise<Outcome> {
  await using here = new ModelWorld(plant);
  return await new Play(history, here).run();
}
