/** Plays one history through the production engines, and returns what was violated. One run of a history is like the next. */

import { Agenda } from '#agents/scenario/agenda.ts';
import type { Report } from '#agents/scenario/outbox.ts';
import { type Call, isAct } from '#engine/cloud/simulated/calls.ts';
import { Truth } from '#test/model/events/truth.ts';
import { CallWitness } from './call-witness.ts';
import { Engines } from './engines.ts';
import { GateWitness } from './gate-witness.ts';
import { Happenings } from './happenings.ts';
import type { RandomHistory } from './history.ts';
import { Operators } from './operators.ts';
import { OrderWitness } from './order-witness.ts';
import { type EngineRun, type Plant, RandomStage } from './random-stage.ts';
import { type Acknowledged, Reporters } from './reporters.ts';
import { violationsAtEnd } from './violations.ts';

const NO_PLANT: Plant = { name: 'none', found: /$^/, seed: 0 };
/** Before and after each call of a slow Nova. */
const SLOW_MS = 4_000;
/** Time without events after the end: late results must change nothing. */
const AFTERMATH_MS = 1_200_000;
/** Longer than any report may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3_600_000;
const ROUNDS_AT_END = 2;

export interface Outcome {
  readonly violations: readonly string[];
  /** What the engines logged, and the calls that changed the cloud. */
  readonly log: readonly string[];
  readonly figures: Figures;
}

export interface Figures {
  readonly reports: number;
  readonly starts: number;
  readonly evacuations: number;
  readonly engines: number;
  readonly falsePositives: number;
}

class Play {
  readonly #history: RandomHistory;
  readonly #stage: RandomStage;
  readonly #agenda: Agenda;
  readonly #truth: Truth;
  readonly #engines: Engines;
  readonly #reporters: Reporters;
  readonly #calls: CallWitness;
  readonly #gates: GateWitness;
  readonly #order: OrderWitness;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #offences: string[] = [];
  readonly #log: string[] = [];
  readonly #operators: Operators;
  readonly #happenings: Happenings;

  constructor(history: RandomHistory, plant: Plant) {
    this.#history = history;
    const watch = {
      onAwait: (run: EngineRun, kind: 'call' | 'commit') => this.#onAwait(run, kind),
      onCall: (call: Call, node: string) => this.#onCall(call, node),
      onLog: (line: string) => this.#onLog(line),
    };
    const stage = new RandomStage(history, watch, plant);
    this.#stage = stage;
    const { clock, world } = stage;
    this.#truth = new Truth(world);
    this.#calls = new CallWitness(world, this.#truth);
    this.#gates = new GateWitness(clock, history.choices);
    this.#order = new OrderWitness(history.instances);
    this.#agenda = new Agenda(clock);
    this.#engines = new Engines(() => stage, this.#agenda, {
      onStart: (run) => this.#onStart(run),
      onOffence: (offence) => this.#offences.push(offence),
    });
    this.#reporters = new Reporters(
      { stage, agenda: this.#agenda, engines: this.#engines, history },
      {
        onSent: (report, isProof) => this.#onSent(report, isProof),
        onAcknowledged: (one) => this.#onAcknowledged(one),
      },
    );
    const parts = { stage, agenda: this.#agenda, truth: this.#truth, engines: this.#engines, calls: this.#calls };
    this.#operators = new Operators(parts);
    this.#happenings = new Happenings({ ...parts, reporters: this.#reporters, operators: this.#operators });
  }

  async run(): Promise<Outcome> {
    await using stage = this.#stage;
    await stage.clock.run(this.#engines.begin());
    for (const event of this.#history.events) {
      this.#agenda.later(event.atSeconds * 1000, async () => {
        this.#note(`event ${event.kind}`);
        stage.world.catchUp();
        await this.#happenings.happen(event);
      });
    }
    await stage.clock.run(this.#untilCalm());
    for (let round = 0; round < ROUNDS_AT_END; round += 1) await stage.clock.run(this.#operateAll());
    return await stage.clock.run(this.#outcome());
  }

  async #untilCalm(): Promise<void> {
    const isCalm = async (): Promise<boolean> => {
      const run = this.#engines.present;
      if (!run) return false;
      return (await run.journal.query('open')).every(({ parked_reason: held }) => held !== null);
    };
    await this.#agenda.run(isCalm, { aftermathMs: AFTERMATH_MS, longestMs: LONGEST_MS });
  }

  async #operateAll(): Promise<void> {
    await this.#operators.commandAll();
    await this.#untilCalm();
  }

  async #onStart(run: EngineRun): Promise<void> {
    this.#gates.engineStarts();
    run.journal.onCommit((mutations, results) => {
      this.#gates.onCommit(mutations, results);
      this.#order.onCommit(mutations);
    });
    const query = run.journal.query.bind(run.journal) as (...parameters: unknown[]) => Promise<unknown>;
    const observed = (name: string, ...parameters: unknown[]): Promise<unknown> => {
      // A recovery that starts reads its earlier flows before anything else of its own.
      if (name === 'flows') this.#gates.onStart(Number(parameters[0]));
      return query(name, ...parameters);
    };
    Object.assign(run.journal, { query: observed });
    await this.#reporters.deliver();
  }

  async #onAwait(run: EngineRun, kind: 'call' | 'commit'): Promise<void> {
    await this.#engines.onAwait(run);
    if (kind === 'call' && this.#happenings.isSlow) await this.#stage.clock.sleep(SLOW_MS);
  }

  #onLog(line: string): void {
    this.#note(line);
    if (line.includes('fault of the engine')) this.#offences.push(`the engine has a fault: ${line}`);
  }

  #onCall(call: Call, node: string): void {
    const { method, args, outcome } = call;
    this.#note(`cloud ${method} ${JSON.stringify(args)} ${outcome} (${node})`);
    this.#calls.onCall(call);
    if (method === 'computeHosts' && outcome === 'answered') this.#noteHosts();
    const holder = this.#engines.holder?.node;
    if (isAct(method) && holder !== undefined && node !== holder) {
      this.#offences.push(`the engine of ${node}, which lost its lease, requested ${method}`);
    }
  }

  #noteHosts(): void {
    const { hosts } = this.#stage.world;
    const forcedDown = new Set([...hosts.values()].filter((host) => host.forcedDown).map(({ name }) => name));
    this.#gates.hostsRead({ forcedDown, hosts: hosts.size });
  }

  #onSent({ notification }: Report, isProof: boolean): void {
    const { type, hostname, payload } = notification;
    if (type !== 'COMPUTE_HOST') return;
    if (payload.event === 'STOPPED' && payload.host_status === 'NORMAL') this.#calls.deathReported(hostname);
    if (isProof) this.#truth.proven.add(hostname);
  }

  #onAcknowledged(one: Acknowledged): void {
    this.#acknowledged.push(one);
    const { type, hostname, payload } = one.report.notification;
    // From now on an earlier proof counts for nothing.
    if (type === 'COMPUTE_HOST' && payload.event === 'STARTED') this.#truth.proven.delete(hostname);
  }

  async #outcome(): Promise<Outcome> {
    const { world } = this.#stage;
    world.catchUp();
    const isUndisturbed = this.#history.events.every(({ kind }) => !/nova|engine|operator|returns/.test(kind));
    for (const host of isUndisturbed ? world.hosts.keys() : []) {
      this.#order.onRequests(this.#calls.requested.filter(({ source }) => source === host).map(({ uuid }) => uuid));
    }
    const run = this.#engines.present;
    const rows = run ? await run.journal.query('list', { limit: 1_000 }) : [];
    const violations = [
      ...this.#truth.offences,
      ...[this.#calls, this.#gates, this.#order].flatMap(({ offences }) => offences),
      ...this.#offences,
      ...(run ? [] : ['no engine runs in the end']),
      ...violationsAtEnd({
        history: this.#history,
        world,
        rows,
        acknowledged: this.#acknowledged,
        diedAt: this.#happenings.diedAt,
        hasPower: (host) => this.#truth.hasPower(host),
      }),
    ];
    return { violations: [...new Set(violations)], log: this.#log, figures: this.#figures };
  }

  get #figures(): Figures {
    const { accepted } = this.#stage.world.counts;
    return {
      reports: this.#acknowledged.length,
      starts: this.#gates.starts,
      evacuations: Object.values(accepted).reduce((sum, count) => sum + count, 0),
      engines: this.#engines.holder?.number ?? 0,
      falsePositives: this.#calls.falsePositives,
    };
  }

  #note(line: string): void {
    const seconds = ((this.#stage.clock.now() - Date.UTC(2026, 0, 1)) / 1000).toFixed(1);
    this.#log.push(`${seconds.padStart(9)} ${line}`);
  }
}

export function play(history: RandomHistory, plant: Plant = NO_PLANT): Promise<Outcome> {
  return new Play(history, plant).run();
}
