/** Runs one scenario: its events in simulated time, until nothing is due and the engine has nothing to recover. */
import { join } from 'node:path';
import type { Engine } from '#engine/service/engine.ts';
import { RequestRefused } from '#engine/service/request-refused.ts';
import { LOCAL_ORIGIN } from '#protocol/origin.ts';
import { Agenda } from '#test/world/agenda.ts';
import { Outbox } from '#test/world/outbox.ts';
import { readCloud } from './cloud-file.ts';
import { notificationOf, type OperatorEvent, type ReportEvent, readEvents, type TimedEvent } from './events-file.ts';
import { addFinalStates } from './final-states.ts';
import { openStage, type ScenarioStage } from './scenario-stage.ts';

const FIRST_NODE = 'node-1';
/** After the last recovery: longer than until the engine's last read of a recovered host (follow-ups.ts). */
const AFTERMATH_MS = 2_700_000;
/** Longer than a notification may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3_600_000;

/** @returns the log. Throws `ScenarioError` or `ConfigurationError` where a file of the scenario is wrong */
export async function runScenario(folder: string): Promise<string> {
  const cloud = readCloud(join(folder, 'cloud.yaml'));
  const { timed, disturbance } = readEvents(join(folder, 'events.yaml'), cloud);
  const opened = openStage(folder, cloud, disturbance);
  await using _ = opened.stage;
  return await new Scenario(opened, timed).run();
}

class Scenario {
  readonly #opened: ScenarioStage;
  readonly #events: readonly TimedEvent[];
  readonly #agenda: Agenda;
  readonly #outbox: Outbox;
  /** Notifications whose progress is logged. */
  readonly #notifications = new Set<string>();
  readonly #startedAt: number;
  #node = FIRST_NODE;

  constructor(opened: ScenarioStage, events: readonly TimedEvent[]) {
    this.#opened = opened;
    this.#events = events;
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

  async run(): Promise<string> {
    const { stage, log } = this.#opened;
    for (const event of this.#events) this.#agenda.later(event.at * 1000, () => this.#happen(event));
    await stage.clock.run(this.#start(FIRST_NODE));
    const isCalm = async (): Promise<boolean> => stage.life.isDead || (await stage.journal.query('open')).length === 0;
    await stage.clock.run(this.#agenda.run(isCalm, { aftermathMs: AFTERMATH_MS, longestMs: LONGEST_MS }));
    await stage.clock.run(addFinalStates(log, stage));
    return log.text;
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

  async #happen({ at: _, ...event }: TimedEvent): Promise<void> {
    const { log } = this.#opened;
    const [[kind, what] = ['', '']] = Object.entries(event);
    log.add('event', `${kind.replace('_', ' ')}: ${typeof what === 'string' ? what : describe(what)}`);
    if (event.report) await this.#report(event.report);
    if (event.operator) await this.#command(event.operator);
    if (event.engine) await this.#turnEngine(event.engine);
    this.#changeCloud(event);
  }

  #changeCloud({ power_off, power_on, cloud, behaviour }: Partial<TimedEvent>): void {
    const { world } = this.#opened.stage;
    // What is due before the change happens before it.
    world.catchUp();
    if (power_off) world.kill(power_off);
    if (power_on) world.comeBack(power_on);
    if (behaviour) world.behaviour = { ...world.behaviour, ...behaviour };
    if (cloud) world.behaviour = { ...world.behaviour, isAway: cloud === 'away' };
  }

  async #report(report: ReportEvent): Promise<void> {
    const { stage, instances } = this.#opened;
    const { clock, life } = stage;
    const madeAt = clock.now();
    const seenAt = report.generated_at === undefined ? madeAt : this.#startedAt + report.generated_at * 1000;
    const notification = notificationOf(report, seenAt, instances);
    this.#outbox.put({ notification, proof: report.proof, madeAt });
    if (!life.isDead) await this.#outbox.deliver();
  }

  async #command(event: OperatorEvent): Promise<void> {
    const { retry, host_is_down, rollback, restart, reserve, approve, pause, unpause, for: length } = event;
    const { stage, log, names } = this.#opened;
    const { operator } = stage.engine;
    const uuidOf = (name: string): string => names.uuidOf(name) ?? name;
    try {
      if (retry) await operator.retry(uuidOf(retry), host_is_down ? 'operator' : 'none');
      if (rollback) await operator.turn(uuidOf(rollback), 'rollback');
      if (restart) await operator.turn(uuidOf(restart), 'restart');
      if (approve) await operator.approve(uuidOf(approve));
      if (pause) await operator.pause(length === undefined ? null : length * 1000, { ...LOCAL_ORIGIN, reason: pause });
      if (unpause) await operator.unpause({ ...LOCAL_ORIGIN, reason: unpause });
      if (reserve) await operator.setReserved(reserve, 1);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      log.add('event', `refused: ${error.message}`);
    }
  }

  async #turnEngine(how: string): Promise<void> {
    const { clock, life, engine } = this.#opened.stage;
    if (how === 'killed') life.kill();
    else if (how !== 'stopped') await this.#start(how.slice('starts on '.length));
    else {
      await clock.hold(engine.stop());
      life.kill();
    }
  }
}

/** Options as the command line of `recovery-agent` has them. */
function describe(options: object): string {
  return Object.entries(options)
    .filter(([, value]) => value !== false && value !== 'none')
    .map(([option, value]) => `${option} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}
