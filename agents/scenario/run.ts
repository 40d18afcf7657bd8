/** Runs one scenario: its events in simulated time, until nothing is due and the engine has nothing to recover. */
import type { Configuration } from '#config/configuration.ts';
import type { GateLimits } from '#engine/gates/gate.ts';
import type { Engine } from '#engine/service/engine.ts';
import { RequestRefused } from '#engine/service/request-refused.ts';
import { LOCAL_ORIGIN } from '#protocol/origin.ts';
import { Agenda } from './agenda.ts';
import { changeCloud } from './cloud-events.ts';
import type { Happening, OperatorEvent, ReportEvent, TriggeredEvent } from './event-kinds.ts';
import { type EventsFile, notificationsOf } from './events-file.ts';
import { type FinalStates, finalStates } from './final-states.ts';
import type { LogLine } from './log.ts';
import { Outbox } from './outbox.ts';
import type { ScenarioFiles } from './scenario.ts';
import { openStage, type ScenarioStage } from './stage.ts';
import { type Summary, summaryOf } from './summary.ts';

const FIRST_NODE = 'node-1';
/** After the last recovery: longer than until the engine's last read of a recovered host (follow-ups.ts). */
const AFTERMATH_MS = 2_700_000;
/** Longer than a notification may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3_600_000;

export interface ScenarioResult {
  readonly states: FinalStates;
  readonly summary: Summary;
}

export interface ScenarioSettings {
  readonly configuration: Configuration;
  /** Receives each line of the log when it is written. */
  readonly onLine: (line: LogLine) => void;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

export async function runScenario(
  files: Pick<ScenarioFiles, 'cloud' | 'events'>,
  settings: ScenarioSettings,
): Promise<ScenarioResult> {
  let onWritten: (line: LogLine) => void = settings.onLine;
  const opened = openStage(files, settings.configuration, (line) => onWritten(line));
  await using _ = opened.stage;
  const scenario = new Scenario(opened, files.events, settings.signal);
  onWritten = (line) => {
    settings.onLine(line);
    scenario.onLine(line);
  };
  const result = await scenario.run();
  // An engine that ends with its stage is no part of the scenario.
  onWritten = () => {};
  return result;
}

class Scenario {
  readonly #opened: ScenarioStage;
  readonly #events: EventsFile;
  readonly #signal: AbortSignal | undefined;
  readonly #agenda: Agenda;
  readonly #outbox: Outbox;
  /** Notifications whose progress is logged. */
  readonly #notifications = new Set<string>();
  readonly #startedAt: number;
  /** Lines that are still to be written before the event happens. */
  readonly #triggers: Map<TriggeredEvent, number>;
  /** Since when all open recoveries are held. */
  #heldSince: number | undefined;
  #node = FIRST_NODE;

  constructor(opened: ScenarioStage, events: EventsFile, signal: AbortSignal | undefined) {
    this.#opened = opened;
    this.#signal = signal;
    this.#events = events;
    this.#triggers = new Map(events.triggered.map((event) => [event, event.occurrence]));
    const { stage } = opened;
    this.#startedAt = stage.clock.now();
    this.#agenda = new Agenda(stage.clock);
    this.#outbox = new Outbox({
      clock: stage.clock,
      get life() {
        return stage.life;
      },
      engine: { accept: (...report) => this.#accept(...report) },
    });
  }

  async run(): Promise<ScenarioResult> {
    const { stage, names, touched } = this.#opened;
    for (const { at, ...event } of this.#events.timed) this.#agenda.later(at * 1000, () => this.#happen(event));
    await stage.clock.run(this.#start(FIRST_NODE));
    const times = { aftermathMs: AFTERMATH_MS, longestMs: LONGEST_MS };
    await stage.clock.run(this.#agenda.run(() => this.#isCalm(), times));
    const states = await stage.clock.run(finalStates(stage, names, touched));
    return { states, summary: summaryOf(states) };
  }

  /** Events that wait for this line. What is synchronous happens before the engine continues. */
  onLine({ source, text }: LogLine): void {
    if (source === 'event') return;
    for (const [trigger, left] of this.#triggers) {
      const { when, occurrence: _, after, ...event } = trigger;
      if (!text.includes(when)) continue;
      if (left > 1) {
        this.#triggers.set(trigger, left - 1);
        continue;
      }
      this.#triggers.delete(trigger);
      const needsTurn = event.report ?? event.operator ?? (event.engine !== 'killed' && event.engine) ?? after;
      if (needsTurn) this.#agenda.later((after ?? 0) * 1000, () => this.#happen(event));
      else void this.#happen(event);
    }
  }

  /** Nothing is to be recovered, or only what no time releases. */
  async #isCalm(): Promise<boolean> {
    const { life, journal, clock, configuration } = this.#opened.stage;
    this.#signal?.throwIfAborted();
    if (life.isDead) return true;
    const open = await journal.query('open');
    const isHeld = open.length > 0 && open.every(({ parked_reason }) => parked_reason !== null);
    this.#heldSince = isHeld ? (this.#heldSince ?? clock.now()) : undefined;
    if (this.#heldSince === undefined) return open.length === 0;
    const pause = await journal.query('pause');
    return pause?.left_ms == null && clock.now() - this.#heldSince >= longestHoldMs(configuration.options.gates);
  }

  async #start(node: string): Promise<void> {
    const { stage, log } = this.#opened;
    this.#node = node;
    const engine = await stage.start(node);
    const { life, journal } = stage;
    log.engine(node, 'info', 'lease taken', { epoch: journal.epoch, reason: journal.reason });
    for (const uuid of this.#notifications) this.#watch(engine, uuid);
    void life.death.then(() => log.add(node, 'process ends'));
    void engine.ended.catch((error: Error) => {
      log.engine(node, 'error', `engine ends: ${error.message}`);
      // The program exits: its recoveries do not continue.
      life.kill();
    });
    await this.#outbox.deliver();
  }

  async #accept(...[notification, proof, delivery]: Parameters<Engine['accept']>): ReturnType<Engine['accept']> {
    const { engine } = this.#opened.stage;
    const result = await engine.accept(notification, proof, delivery);
    const { uuid } = result.logbook;
    if (!this.#notifications.has(uuid)) this.#watch(engine, uuid);
    this.#notifications.add(uuid);
    return result;
  }

  #watch({ hub }: Engine, uuid: string): void {
    const { stage, log } = this.#opened;
    const { life } = stage;
    const node = this.#node;
    hub.watch(uuid, (notice) => {
      if (!life.isDead) log.progress(node, notice);
    });
  }

  async #happen(event: Happening): Promise<void> {
    const { log, stage, instances } = this.#opened;
    const [[kind, what] = ['', '']] = Object.entries(event);
    log.add('event', `${kind.replace('_', ' ')}: ${typeof what === 'object' ? describe(what) : what}`);
    if (event.engine === 'killed') stage.life.kill();
    else if (event.engine) await this.#turnEngine(event.engine);
    if (event.clock_jump) stage.skewMs += event.clock_jump * 1000;
    if (event.report) await this.#report(event.report);
    if (event.operator) await this.#command(event.operator);
    changeCloud(stage.world, event, instances);
  }

  async #report(report: ReportEvent): Promise<void> {
    const { stage, instances } = this.#opened;
    const { clock, life } = stage;
    const madeAt = clock.now();
    const seenAt = report.generated_at === undefined ? madeAt : this.#startedAt + report.generated_at * 1000;
    for (const notification of notificationsOf(report, seenAt, instances)) {
      this.#outbox.put({ notification, proof: report.proof, madeAt });
    }
    if (!life.isDead) await this.#outbox.deliver();
  }

  async #command(event: OperatorEvent): Promise<void> {
    const { rollback, restart, cancel, approve } = event;
    const { stage, log, names } = this.#opened;
    const { operator } = stage.engine;
    const uuidOf = (name: string): string => names.uuidOf(name) ?? name;
    try {
      if (event.retry) await this.#retry(event, uuidOf(event.retry));
      if (rollback) await operator.turn(uuidOf(rollback), 'rollback');
      if (restart) await operator.turn(uuidOf(restart), 'restart');
      if (cancel) await operator.turn(uuidOf(cancel), 'cancel');
      if (approve) await operator.approve(uuidOf(approve), LOCAL_ORIGIN, event.host_is_down ? 'operator' : 'none');
      if (event.skip) await operator.skip(uuidOf(event.skip), this.#instanceUuid(event.instance ?? ''));
      if (event.priority) await operator.prioritize(uuidOf(event.priority), event.number ?? 0);
      await this.#setState(event);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      log.add('event', `refused: ${error.message}`);
    }
  }

  #instanceUuid(name: string): string {
    const { instances } = this.#opened.stage.world;
    return [...instances.values()].find((one) => one.name === name)?.uuid ?? name;
  }

  /** The commands that are about no recovery. */
  async #setState({ reserve, maintenance, state, pause, unpause, for: length }: OperatorEvent): Promise<void> {
    const { operator } = this.#opened.stage.engine;
    if (maintenance) await operator.setMaintenance(maintenance, state ?? 'on');
    if (pause) await operator.pause(length === undefined ? null : length * 1000, { ...LOCAL_ORIGIN, reason: pause });
    if (unpause) await operator.unpause({ ...LOCAL_ORIGIN, reason: unpause });
    if (reserve) await operator.setReserved(reserve, 1);
  }

  async #retry({ host_is_down, done = [], not_done = [] }: OperatorEvent, uuid: string): Promise<void> {
    const { operator } = this.#opened.stage.engine;
    const outcomes = [
      ...done.map((task) => [task, 'done'] as const),
      ...not_done.map((task) => [task, 'not done'] as const),
    ];
    await operator.retry(uuid, host_is_down ? 'operator' : 'none', new Map(outcomes));
  }

  async #turnEngine(how: string): Promise<void> {
    const { clock, life, engine } = this.#opened.stage;
    if (how !== 'stopped') return this.#start(how.slice('starts on '.length));
    await clock.hold(engine.stop());
    life.kill();
  }
}

/** Time after which a hold has ended by itself, if it ever does. */
function longestHoldMs({ maxHosts, maxHostsIntervalMs, startupGraceMs }: GateLimits): number {
  return Math.max(maxHosts > 0 ? maxHostsIntervalMs : 0, startupGraceMs);
}

/** Options as the command line of `recovery-agent` has them. */
function describe(options: object): string {
  return Object.entries(options)
    .filter(([, value]) => value !== false && value !== 'none')
    .map(([option, value]) => `${option} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
