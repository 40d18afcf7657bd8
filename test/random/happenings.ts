/** What happens to the cloud, its hosts and the engines, and what monitors detect of it. */

import type { Agenda } from '#agents/scenario/agenda.ts';
import { CALM } from '#engine/cloud/simulated/world.ts';
import type { Truth } from '#test/model/events/truth.ts';
import type { CallWitness } from './call-witness.ts';
import type { Engines } from './engines.ts';
import type { NovaTrouble, TimedHappening } from './history.ts';
import type { Operators } from './operators.ts';
import type { RandomStage } from './random-stage.ts';
import type { Reporters } from './reporters.ts';

/** From the return of a host to its nova-compute's first comparison of power states, and until its operator enables it. */
const POWER_SYNC_MS = 40_000;
const ENABLED_MS = 240_000;
/** A host that was back for less may be taken for dead by the engine, and rightly. */
const ALIVE_FOR_MS = 60_000;

const TROUBLES: { readonly [T in NovaTrouble]: Partial<typeof CALM> } = {
  away: { isAway: true },
  slow: {},
  'loses requests': { lostRequests: 0.5 },
  'loses responses': { lostReplies: 0.5 },
  'late evacuations': { lateEvacuations: 0.5 },
  'failed evacuations': { failedEvacuations: 0.5 },
};

export interface HappeningParts {
  readonly stage: RandomStage;
  readonly agenda: Agenda;
  readonly truth: Truth;
  readonly engines: Engines;
  readonly reporters: Reporters;
  readonly operators: Operators;
  readonly calls: CallWitness;
}

export class Happenings {
  /** Of each host, ms. */
  readonly diedAt = new Map<string, number>();
  readonly #parts: HappeningParts;
  readonly #returnedAt = new Map<string, number>();
  #troubles: NovaTrouble[] = [];

  constructor(parts: HappeningParts) {
    this.#parts = parts;
  }

  /** Nova responds slowly. */
  get isSlow(): boolean {
    return this.#troubles.includes('slow');
  }

  async happen(event: TimedHappening): Promise<void> {
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
        return this.#parts.reporters.detect(event.reports, event.host, processFailure());
      case 'nova':
        return this.#trouble(event.trouble, event.lastsSeconds * 1000);
      case 'engine killed':
        return this.#parts.engines.kill(event.atAwait, event.awaySeconds * 1000);
      case 'engine frozen':
        return this.#parts.engines.freeze(event.atAwait, event.awaySeconds * 1000, event.zombieSeconds * 1000);
      case 'clock jumps':
        this.#parts.stage.skewMs = event.toSeconds * 1000;
        return;
      case 'operator':
        return this.#parts.operators.command(event);
    }
  }

  #die({ host, reports }: Extract<TimedHappening, { kind: 'host dies' }>): void {
    if (!this.#parts.truth.hasPower(host)) return;
    this.#parts.calls.hostDies(host);
    this.#parts.truth.kill(host);
    this.diedAt.set(host, this.#parts.stage.clock.now());
    this.#parts.reporters.detect(reports, host, hostReport('STOPPED', 'NORMAL'));
  }

  #return({ host, isEnabledAgain, reports }: Extract<TimedHappening, { kind: 'host returns' }>): void {
    if (this.#parts.truth.hasPower(host)) return;
    this.#parts.truth.comeBack(host);
    this.#returnedAt.set(host, this.#parts.stage.clock.now());
    this.#parts.agenda.later(POWER_SYNC_MS, () => this.#parts.truth.syncPower(host));
    this.#parts.reporters.detect(reports, host, hostReport('STARTED', 'NORMAL'));
    if (isEnabledAgain) this.#parts.agenda.later(ENABLED_MS, () => this.#enable(host));
  }

  /** An operator enables the service of a host that is back and has no recovery, unless Nova refuses it. */
  async #enable(name: string): Promise<void> {
    const { world } = this.#parts.stage;
    world.catchUp();
    const host = world.requireHost(name);
    const open = (await this.#parts.engines.present?.journal.query('open')) ?? [{ host: name }];
    const isLeft = world.evacuations.some(({ sourceHost, status }) => sourceHost === name && status === 'done');
    if (!this.#parts.truth.hasPower(name) || isLeft || open.some((row) => row.host === name)) return;
    Object.assign(host, { status: 'enabled', disabledReason: null, forcedDown: false, updatedAt: world.now() });
  }

  #falselyReport(event: Extract<TimedHappening, { kind: 'false alarm' | 'host isolated' }>): void {
    const { host, reports } = event;
    const { world, clock } = this.#parts.stage;
    const isLiving = this.#parts.truth.hasPower(host) && clock.now() - (this.#returnedAt.get(host) ?? 0) > ALIVE_FOR_MS;
    if (!isLiving) return;
    if (event.kind === 'host isolated') {
      world.kill(host);
      this.#parts.agenda.later(event.lastsSeconds * 1000, () => world.comeBack(host));
    }
    const status = event.kind === 'host isolated' ? 'UNKNOWN' : event.status;
    this.#parts.reporters.detect(reports, host, hostReport('STOPPED', status));
  }

  #crash({ uuid, reports }: Extract<TimedHappening, { kind: 'instance crashes' }>): void {
    const host = this.#parts.truth.crash(uuid);
    if (host === undefined) return;
    this.#parts.calls.crashed(uuid);
    const payload = { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: uuid };
    this.#parts.reporters.detect(reports, host, { type: 'VM', payload });
  }

  #trouble(trouble: NovaTrouble, lastsMs: number): void {
    const apply = (): void => {
      const { world } = this.#parts.stage;
      const changes = this.#troubles.map((one) => TROUBLES[one]);
      world.behaviour = Object.assign({ ...CALM }, ...changes);
    };
    this.#troubles = [...this.#troubles, trouble];
    apply();
    this.#parts.agenda.later(lastsMs, () => {
      this.#troubles.splice(this.#troubles.indexOf(trouble), 1);
      apply();
    });
  }
}

function hostReport(event: 'STOPPED' | 'STARTED', host_status: 'NORMAL' | 'UNKNOWN'): object {
  const cluster_status = event === 'STARTED' ? 'ONLINE' : 'OFFLINE';
  return { type: 'COMPUTE_HOST', payload: { event, cluster_status, host_status } };
}

function processFailure(): object {
  return { type: 'PROCESS', payload: { event: 'STOPPED', process_name: 'nova-compute' } };
}
