/** Plays one history through the real engine, and returns what came of it. One run of a history is like the next. */
import type { Life } from '#agents/simulation/life.ts';
import { type Accepted, CloudError } from '#engine/cloud/cloud.ts';
import type { LogbookRow } from '#engine/journal/words.ts';
import { type Notification, parseNotification } from '#protocol/notification.ts';
import { type Event, type History, type ReportKind, reportsOf } from './history.ts';
import { ModelWorld, type Plant } from './model-world.ts';
import { Truth } from './truth.ts';

/** So long the host has been in use before anything happens: heartbeats are older than any wrong clock reaches. */
const QUIET_MS = 200_000;
/** From an event to the arrival of its report. */
const REPORT_MS = 5_000;
/** A fenced host is up again after so long; monitors learn of the reboot then. */
const REBOOT_MS = 60_000;
/** From the return of a host to its nova-compute's first comparison of power states. */
const POWER_SYNC_MS = 40_000;
const AWAY_MS: Readonly<Record<'stopped' | 'killed' | 'moved', number>> = {
  stopped: 5_000,
  killed: 30_000,
  moved: 30_000,
};
/** After the end of everything the engine is left alone for so long: what comes late must change nothing. */
const AFTERMATH_MS = 2_700_000;
/** Longer than any report may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3600_000;

/** How long a cell does not answer. */
const CELL_MS = 60_000;
/** In Nova's queue, within evacuation_queue_wait. */
const LATE_MS = 8_000;
/** A decision is made from a read that is no older. */
const READ_MS = 2_000;
const FIRST_CELL = 'cell1';

const HOST = 'c1';
export const RUNNING = '11111111-1111-4111-8111-111111111111';
export const OTHER = '22222222-2222-4222-8222-222222222222';
export const STOPPED = '33333333-3333-4333-8333-333333333333';

export interface Outcome {
  readonly logbooks: readonly LogbookRow[];
  /** The texts of what each recovery did and says, by uuid. */
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
  /** Awaits at which the engine can be interrupted. */
  readonly awaits: number;
  readonly logged: readonly string[];
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly happen: () => Promise<void> | void;
}

class Play {
  readonly #history: History;
  readonly #here: ModelWorld;
  readonly #truth: Truth;
  #agenda: Due[] = [];
  #order = 0;
  #outbox: (() => Promise<void>)[] = [];
  #isEngineThere = true;
  #wake = new AbortController();
  /** Where the guest ran at each of its crashes; undefined: it did not run, so nobody reports anything. */
  #crashed: (string | undefined)[] = [];
  #silences = 0;
  #evacuations = 0;
  #silentSince = 0;
  #awaits = 0;
  #started = new Set<number>();
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
  }

  async run(): Promise<Outcome> {
    const { clock } = this.#here;
    await this.#begin('n1');
    this.#plan();
    await clock.run(this.#drive());
    return clock.run(this.#outcome());
  }

  #begin(node: string): Promise<void> {
    this.#isEngineThere = true;
    return this.#here
      .begin(node, {
        onAwait: (life) => this.#onAwait(life),
        onRequest: (...request) => this.#onRequest(...request),
        onEvacuation: (...request) => this.#onEvacuation(...request),
      })
      .then(() => this.#countTasks());
  }

  /** Requests are made in the last task. */
  get #tasks(): number {
    return this.#history.calls ? Number.POSITIVE_INFINITY : 2;
  }

  /** The third task of a flow ends the part in which the engine is interrupted. */
  #countTasks(): void {
    this.#here.journal.onCommit((mutations) => {
      for (const one of mutations) if (one.op === 'atom' && one.state === 'RUNNING') this.#started.add(one.atomId);
    });
  }

  async #onAwait(life: Life): Promise<void> {
    if (life !== this.#here.life || this.#started.size === 0 || this.#started.size > this.#tasks) return;
    this.#awaits += 1;
    const { interruption } = this.#history;
    if (interruption?.at !== this.#awaits) return;
    this.#isEngineThere = false;
    this.#later(AWAY_MS[interruption.how], async () => {
      await this.#stopping;
      this.#here.skewMs = interruption.skewMs;
      await this.#begin(interruption.how === 'moved' ? 'n2' : 'n1');
      await this.#deliver();
    });
    if (interruption.how === 'stopped') {
      this.#stopping = this.#here.engine.stop();
      return;
    }
    life.doom();
    await life.outlive(null);
  }

  async #onEvacuation(uuid: string, carryOut: () => Promise<Accepted>): Promise<Accepted> {
    const { world } = this.#here;
    const outcome = this.#history.calls?.[this.#evacuations] ?? 'accepted';
    this.#evacuations += 1;
    const lost = new CloudError('unknown', 'the reply did not come');
    if (outcome === 'late') this.#later(LATE_MS, () => this.#evacuateLate(uuid));
    if (outcome === 'lost' || outcome === 'late') throw lost;
    const { behaviour } = world;
    if (outcome === 'fails') world.behaviour = { ...behaviour, failedEvacuations: 1 };
    const accepted = await carryOut().finally(() => {
      world.behaviour = behaviour;
    });
    if (outcome === 'reply lost') throw lost;
    return accepted;
  }

  #evacuateLate(uuid: string): void {
    const { world } = this.#here;
    world.catchUp();
    try {
      world.evacuate(uuid, undefined);
    } catch (error) {
      // What Nova has against it by then nobody hears.
      if (!(error instanceof CloudError)) throw error;
    }
  }

  /** Lays out events, and the arrivals of their reports in the order of the history. */
  #plan(): void {
    const { events, gapMs, order, offsets } = this.#history;
    const kinds = reportsOf(events);
    const natural: number[] = [];
    let at = QUIET_MS;
    for (const event of events) {
      this.#later(at, () => this.#happen(event));
      const lasts = event === 'reboot' ? REBOOT_MS : 0;
      for (const _ of reportsOf([event])) natural.push(at + lasts + REPORT_MS);
      at += lasts + gapMs;
    }
    const start = this.#here.clock.now();
    let arrival = 0;
    for (const index of order) {
      const made = natural[index] ?? 0;
      arrival = Math.max(made, arrival + 1_000);
      const stamp = start + made - 1_000 + (offsets[index] ?? 0);
      const kind = kinds[index] ?? 'death';
      const crash = kinds.slice(0, index).filter((one) => one === 'crash').length;
      this.#later(arrival, () => {
        const host = kind === 'crash' ? this.#crashed[crash] : HOST;
        return host === undefined ? undefined : this.#report(kind, host, start + made, stamp);
      });
    }
  }

  #happen(event: Event): void {
    if (event === 'crash') this.#crashed.push(this.#truth.crash(RUNNING));
    if (event === 'death' || event === 'reboot') this.#truth.kill(HOST);
    if (event === 'return') this.#return();
    if (event === 'reboot') this.#later(REBOOT_MS, () => this.#return());
    if (event === 'cell') this.#silence();
  }

  #silence(): void {
    const { world, clock } = this.#here;
    if (this.#silences === 0) this.#silentSince = clock.now();
    this.#silences += 1;
    world.cellDown(FIRST_CELL);
    this.#later(CELL_MS, () => {
      this.#silences -= 1;
      if (this.#silences === 0) world.cellUp(FIRST_CELL);
    });
  }

  /** What is requested of an instance of which Nova knows nothing is not requested on evidence. */
  #onRequest(method: string, uuid: string): void {
    const { world, clock } = this.#here;
    if (!world.isOutOfSight({ uuid }) || clock.now() - this.#silentSince <= READ_MS) return;
    this.#truth.offences.push(`${method} was requested although the cell does not answer`);
  }

  #return(): void {
    this.#truth.comeBack(HOST);
    this.#later(POWER_SYNC_MS, () => this.#truth.syncPower(HOST));
  }

  /** As a monitor: what is not acknowledged is sent again, in the order in which it came, with its age by the monitor's boottime. */
  async #report(kind: ReportKind, host: string, madeAt: number, stamp: number): Promise<void> {
    const notification = notificationOf(kind, host, stamp);
    const proof = kind === 'death' ? this.#history.proof : 'none';
    let attempts = 0;
    this.#outbox.push(async () => {
      attempts += 1;
      const ageSeconds = (this.#here.clock.now() - madeAt) / 1000;
      await this.#here.engine.accept(notification, proof, { ageSeconds, attempts });
    });
    await this.#deliver();
  }

  async #deliver(): Promise<void> {
    const { life } = this.#here;
    for (let first = this.#outbox[0]; first && this.#isEngineThere; first = this.#outbox[0]) {
      const sent = first().then(() => 'acknowledged' as const);
      const end = await Promise.race([sent, life.death.then(() => 'dead' as const)]);
      if (end === 'dead') return;
      this.#outbox.shift();
    }
  }

  #later(ms: number, happen: Due['happen']): void {
    this.#agenda.push({ at: this.#here.clock.now() + ms, order: this.#order++, happen });
    this.#wake.abort();
  }

  /** One thing after the other; when nothing is due any more, waits until every report is closed and a while longer. */
  async #drive(): Promise<void> {
    const { clock } = this.#here;
    const latest = clock.now() + LONGEST_MS;
    let pauseMs = 5_000;
    let calmSince: number | undefined;
    while (clock.now() < latest) {
      const [next] = this.#agenda.sort((a, b) => a.at - b.at || a.order - b.order);
      if (next && next.at <= clock.now()) {
        this.#agenda.shift();
        await next.happen();
        continue;
      }
      if (!next) {
        const isCalm = this.#isEngineThere && (await this.#here.journal.query('open')).length === 0;
        calmSince = isCalm ? (calmSince ?? clock.now()) : undefined;
        if (calmSince !== undefined && clock.now() - calmSince > AFTERMATH_MS) return;
        pauseMs = Math.min(pauseMs * 2, 300_000);
      }
      this.#wake = new AbortController();
      await clock.sleep(next ? next.at - clock.now() : pauseMs, this.#wake.signal).catch(() => {});
    }
  }

  async #outcome(): Promise<Outcome> {
    const { world, journal, engine, logged } = this.#here;
    world.catchUp();
    const logbooks = await journal.query('list', { limit: 50 });
    const views = new Map<string, string>();
    for (const { uuid } of logbooks) views.set(uuid, JSON.stringify(await engine.show(uuid)));
    return {
      logbooks,
      views,
      offences: this.#truth.offences,
      duplicates: world.counts.duplicates,
      guests: [...world.instances.values()].map(({ uuid, host, vmState }) => ({
        uuid,
        host,
        vmState,
        runs: this.#truth.runs(uuid),
        hostHasPower: this.#truth.hasPower(host ?? ''),
      })),
      awaits: this.#awaits,
      logged,
    };
  }
}

function notificationOf(kind: ReportKind, hostname: string, stamp: number): Notification {
  const bodies = {
    death: { type: 'COMPUTE_HOST', payload: { event: 'STOPPED', cluster_status: 'OFFLINE', host_status: 'NORMAL' } },
    return: { type: 'COMPUTE_HOST', payload: { event: 'STARTED', cluster_status: 'ONLINE', host_status: 'NORMAL' } },
    crash: {
      type: 'VM',
      payload: { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: RUNNING },
    },
  };
  const generated_time = new Date(stamp).toISOString();
  return parseNotification({ notification: { hostname, generated_time, ...bodies[kind] } });
}

export async function play(history: History, plant?: Plant): Promise<Outcome> {
  await using here = new ModelWorld(plant);
  return await new Play(history, here).run();
}
