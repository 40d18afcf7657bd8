/** Plays one history through the production engines, and returns what was violated. One run of a history is like the next. */
import { type Call, isAct } from '#engine/cloud/simulated/calls.ts';
import { CALM } from '#engine/cloud/simulated/world.ts';
import { RequestRefused } from '#engine/service/request-refused.ts';
import { Truth } from '#test/model/events/truth.ts';
import { Agenda } from '#test/world/agenda.ts';
import type { Report } from '#test/world/outbox.ts';
import { CallWitness } from './call-witness.ts';
import { Engines } from './engines.ts';
import { GateWitness } from './gate-witness.ts';
import type { NovaTrouble, RandomHistory, TimedHappening } from './history.ts';
import { OrderWitness } from './order-witness.ts';
import { type EngineRun, type Plant, RandomStage } from './random-stage.ts';
import { type Acknowledged, Reporters } from './reporters.ts';
import { violationsAtEnd } from './violations.ts';

const NO_PLANT: Plant = { name: 'none', found: /$^/, seed: 0 };
/** From the return of a host to its nova-compute's first comparison of power states, and until its operator enables it. */
const POWER_SYNC_MS = 40_000;
const ENABLED_MS = 240_000;
/** A host that was back for less may be taken for dead by the engine, and rightly. */
const ALIVE_FOR_MS = 60_000;
const SLOW_MS = 4_000;
/** Time without events after the end: late results must change nothing. */
const AFTERMATH_MS = 1_200_000;
/** Longer than any report may stay open (notifications_expired_interval: a day). */
const LONGEST_MS = 30 * 3_600_000;
const ROUNDS_AT_END = 2;

const TROUBLES: { readonly [T in NovaTrouble]: Partial<typeof CALM> } = {
  away: { isAway: true },
  slow: {},
  'loses requests': { lostRequests: 0.5 },
  'loses responses': { lostReplies: 0.5 },
  'late evacuations': { lateEvacuations: 0.5 },
  'failed evacuations': { failedEvacuations: 0.5 },
};

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
  /** Of each host, ms. */
  readonly #diedAt = new Map<string, number>();
  readonly #returnedAt = new Map<string, number>();
  #troubles: NovaTrouble[] = [];

  constructor(history: RandomHistory, plant: Plant) {
    this.#history = history;
    const stage = new RandomStage(
      history,
      {
        onAwait: (run, kind) => this.#onAwait(run, kind),
        onCall: (call, node) => this.#onCall(call, node),
        onLog: (line) => {
          this.#note(line);
          if (line.includes('fault of the engine')) this.#offences.push(`the engine has a fault: ${line}`);
        },
      },
      plant,
    );
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
  }

  async run(): Promise<Outcome> {
    await using stage = this.#stage;
    await stage.clock.run(this.#engines.begin());
    for (const event of this.#history.events) {
      this.#agenda.later(event.atSeconds * 1000, async () => {
        this.#note(`event ${event.kind}`);
        stage.world.catchUp();
        await this.#happen(event);
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
    if (kind === 'call' && this.#troubles.includes('slow')) await this.#stage.clock.sleep(SLOW_MS);
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

  async #happen(event: TimedHappening): Promise<void> {
    switch (event.kind) {
      case 'host dies':
        return this.#die(event);
      case 'host returns':
        return this.#return(event);
      case 'false alarm':
      case 'host isolated':
        return this.#falselyReport(event);
      case 'instance crashes':
        return this.#crash(event);
      case 'process fails':
        return this.#reporters.detect(event.reports, event.host, processFailure());
      case 'nova':
        return this.#trouble(event.trouble, event.lastsSeconds * 1000);
      case 'engine killed':
        return this.#engines.kill(event.atAwait, event.awaySeconds * 1000);
      case 'engine frozen':
        return this.#engines.freeze(event.atAwait, event.awaySeconds * 1000, event.zombieSeconds * 1000);
      case 'clock jumps':
        this.#stage.skewMs = event.toSeconds * 1000;
        return;
      case 'operator':
        return this.#command(event);
    }
  }

  #die({ host, reports }: Extract<TimedHappening, { kind: 'host dies' }>): void {
    if (!this.#truth.hasPower(host)) return;
    this.#calls.hostDies(host);
    this.#truth.kill(host);
    this.#diedAt.set(host, this.#stage.clock.now());
    this.#reporters.detect(reports, host, hostReport('STOPPED', 'NORMAL'));
  }

  #return({ host, isEnabledAgain, reports }: Extract<TimedHappening, { kind: 'host returns' }>): void {
    if (this.#truth.hasPower(host)) return;
    this.#truth.comeBack(host);
    this.#returnedAt.set(host, this.#stage.clock.now());
    this.#agenda.later(POWER_SYNC_MS, () => this.#truth.syncPower(host));
    this.#reporters.detect(reports, host, hostReport('STARTED', 'NORMAL'));
    if (isEnabledAgain) this.#agenda.later(ENABLED_MS, () => this.#enable(host));
  }

  /** An operator enables the service of a host that is back and has no recovery, unless Nova refuses it. */
  async #enable(name: string): Promise<void> {
    const { world } = this.#stage;
    world.catchUp();
    const host = world.requireHost(name);
    const open = (await this.#engines.present?.journal.query('open')) ?? [{ host: name }];
    const isLeft = world.evacuations.some(({ sourceHost, status }) => sourceHost === name && status === 'done');
    if (!this.#truth.hasPower(name) || isLeft || open.some((row) => row.host === name)) return;
    Object.assign(host, { status: 'enabled', disabledReason: null, forcedDown: false, updatedAt: world.now() });
  }

  #falselyReport(event: Extract<TimedHappening, { kind: 'false alarm' | 'host isolated' }>): void {
    const { host, reports } = event;
    const { world, clock } = this.#stage;
    const isLiving = this.#truth.hasPower(host) && clock.now() - (this.#returnedAt.get(host) ?? 0) > ALIVE_FOR_MS;
    if (!isLiving) return;
    if (event.kind === 'host isolated') {
      world.kill(host);
      this.#agenda.later(event.lastsSeconds * 1000, () => world.comeBack(host));
    }
    const status = event.kind === 'host isolated' ? 'UNKNOWN' : event.status;
    this.#reporters.detect(reports, host, hostReport('STOPPED', status));
  }

  #crash({ uuid, reports }: Extract<TimedHappening, { kind: 'instance crashes' }>): void {
    const host = this.#truth.crash(uuid);
    if (host === undefined) return;
    this.#calls.crashed(uuid);
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    this.#reporters.detect(reports, host, { type: 'VM', payload });
  }

  #trouble(trouble: NovaTrouble, lastsMs: number): void {
    const apply = (): void => {
      const { world } = this.#stage;
      const changes = this.#troubles.map((one) => TROUBLES[one]);
      world.behaviour = Object.assign({ ...CALM }, ...changes);
    };
    this.#troubles = [...this.#troubles, trouble];
    apply();
    this.#agenda.later(lastsMs, () => {
      this.#troubles.splice(this.#troubles.indexOf(trouble), 1);
      apply();
    });
  }

  async #command({ command, forSeconds }: Extract<TimedHappening, { kind: 'operator' }>): Promise<void> {
    const run = this.#engines.present;
    if (!run) return;
    const { operator } = run.engine;
    if (command === 'pause') await this.#operate(operator.pause(forSeconds === null ? null : forSeconds * 1000));
    if (command === 'unpause') await this.#operate(operator.unpause());
    const [newest] = await run.journal.query('list', { limit: 1 });
    if (!newest) return;
    if (command === 'approve') await this.#operate(operator.approve(newest.uuid));
    if (command === 'retry') await this.#retry(run, newest.uuid, newest.host);
  }

  /** An operator states that a host is down only if it is. */
  async #retry(run: EngineRun, uuid: string, host: string): Promise<void> {
    const isOff = !this.#truth.hasPower(host);
    if (isOff) {
      this.#truth.proven.add(host);
      this.#calls.deathReported(host);
    }
    await this.#operate(run.engine.operator.retry(uuid, isOff ? 'operator' : 'none'));
  }

  /** A command is carried out or refused; the engine may end meanwhile. */
  async #operate(command: Promise<unknown>): Promise<void> {
    const { death } = this.#stage.life;
    const done = command.catch((error: unknown) => {
      if (!(error instanceof RequestRefused)) throw error;
    });
    await Promise.race([done, death]);
  }

  /** What operators do in the end: they resume all, approve what is held, and retry what failed. */
  async #operateAll(): Promise<void> {
    const run = this.#engines.present;
    if (!run) return;
    await this.#operate(run.engine.operator.unpause());
    for (const row of await run.journal.query('list', { limit: 1_000 })) {
      const { uuid, host, status, parked_reason: held, type } = row;
      if (held?.startsWith('Held by gate')) await this.#operate(run.engine.operator.approve(uuid));
      const isDead = type === 'COMPUTE_HOST' && !this.#truth.hasPower(host) && row.payload.includes('STOPPED');
      if (status === 'failed' || (status === 'ignored' && isDead)) await this.#retry(run, uuid, host);
    }
    await this.#untilCalm();
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
        diedAt: this.#diedAt,
        hasPower: (host) => this.#truth.hasPower(host),
      }),
    ];
    const accepted = Object.values(world.counts.accepted).reduce((sum, count) => sum + count, 0);
    return {
      violations: [...new Set(violations)],
      log: this.#log,
      figures: {
        reports: this.#acknowledged.length,
        starts: this.#gates.starts,
        evacuations: accepted,
        engines: run?.number ?? 0,
        falsePositives: this.#calls.falsePositives,
      },
    };
  }

  #note(line: string): void {
    const seconds = ((this.#stage.clock.now() - Date.UTC(2026, 0, 1)) / 1000).toFixed(1);
    this.#log.push(`${seconds.padStart(9)} ${line}`);
  }
}

function hostReport(event: 'STOPPED' | 'STARTED', host_status: 'NORMAL' | 'UNKNOWN'): object {
  const cluster_status = event === 'STARTED' ? 'ONLINE' : 'OFFLINE';
  return { type: 'COMPUTE_HOST', payload: { event, cluster_status, host_status } };
}

function processFailure(): object {
  return { type: 'PROCESS', payload: { event: 'STOPPED', process_name: 'nova-compute' } };
}

export function play(history: RandomHistory, plant: Plant = NO_PLANT): Promise<Outcome> {
  return new Play(history, plant).run();
}
