/** Makes a history from a seed: equal seeds give equal histories. A proof of a death is never false. */
import { Random } from '#engine/cloud/simulated/random.ts';
import type {
  Choices,
  Happening,
  NovaTrouble,
  PlannedInstance,
  PlannedReport,
  RandomHistory,
  TimedHappening,
} from './history.ts';

/** Heartbeats are older by then than any clock jump reaches. */
const QUIET_SECONDS = 200;
/** Between two events: at once, within a recovery, or after one. */
const GAPS = [
  [0, 5],
  [5, 90],
  [90, 600],
] as const;
/** Share of the recoveries of hosts during which the engine is interrupted. */
const INTERRUPTED = 0.25;
const TROUBLES: readonly NovaTrouble[] = [
  'away',
  'slow',
  'loses requests',
  'loses responses',
  'late evacuations',
  'failed evacuations',
];

/** Draws for one history. */
class Draw {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
    // Neighbouring seeds differ from the first draw on.
    this.#random.next();
  }

  /** A whole number, both ends included. */
  number(low: number, high: number): number {
    return low + Math.floor(this.#random.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const one = list[this.number(0, list.length - 1)];
    if (one === undefined) throw new Error('there is nothing to draw from');
    return one;
  }

  uuid(): string {
    return this.#random.uuid();
  }
}

export function generate(seed: number): RandomHistory {
  const draw = new Draw(seed);
  const hosts = Array.from({ length: draw.number(3, 7) }, (_, index) => `compute-${index + 1}`);
  const instances = Array.from({ length: draw.number(2, 12) }, () => instance(draw, hosts));
  const choices = choose(draw);
  // One host may be isolated: it is reported with host_status UNKNOWN only, since no monitor may call it dead.
  const isolated = draw.chance(0.15) ? hosts.at(-1) : undefined;
  const mortal = hosts.filter((host) => host !== isolated);
  const count = draw.number(2, 12);
  const events: TimedHappening[] = [];
  let atSeconds = QUIET_SECONDS;
  for (let n = 0; n < count; n += 1) {
    const next = happening(draw, { mortal, isolated, instances });
    events.push({ atSeconds, ...next });
    const [report] = next.kind === 'host dies' ? next.reports : [];
    // An engine that is interrupted at a random time is idle mostly; here it recovers a host.
    if (report && draw.chance(INTERRUPTED)) {
      events.push({
        atSeconds: atSeconds + report.delaySeconds,
        ...interruption(draw, draw.chance(0.5) ? 'killed' : 'frozen'),
      });
    }
    const [low, high] = draw.pick(GAPS);
    atSeconds += draw.number(low, high);
  }
  events.sort((a, b) => a.atSeconds - b.atSeconds);
  return { seed, hosts, reserved: ['reserve-1', 'reserve-2'], instances, choices, events };
}

function instance(draw: Draw, hosts: readonly string[]): PlannedInstance {
  return {
    uuid: draw.uuid(),
    // Most are on the hosts that fail first, so that orders and limits matter.
    host: draw.chance(0.5) ? (hosts[0] ?? '') : draw.pick(hosts),
    project: draw.pick(['alpha', 'beta', 'gamma']),
    isMarked: draw.chance(0.5),
    vmState: draw.chance(0.75) ? 'active' : draw.pick(['stopped', 'paused', 'error'] as const),
  };
}

function choose(draw: Draw): Choices {
  return {
    method: draw.chance(0.6) ? 'auto' : draw.pick(['reserved_host', 'auto_priority', 'rh_priority'] as const),
    evacuateAll: draw.chance(0.8),
    processAll: draw.chance(0.5),
    evacuationsInFlight: draw.pick([32, 2, 1]),
    requests: draw.pick([3, 1]),
    evacuationRetries: draw.pick([3, 0]),
    maxFailedHostsPercent: draw.pick([100, 50, 34]),
    minFailedHosts: draw.pick([3, 2]),
    maxHosts: draw.chance(0.7) ? 0 : draw.number(1, 2),
    maxHostsIntervalSeconds: draw.pick([3600, 600]),
    maxInstancesOfHost: draw.chance(0.7) ? 0 : draw.number(1, 2),
    startupGraceSeconds: draw.chance(0.8) ? 0 : 60,
    secondWitness: draw.pick(['none', 'confirms', 'silent'] as const),
  };
}

interface Objects {
  readonly mortal: readonly string[];
  readonly isolated: string | undefined;
  readonly instances: readonly PlannedInstance[];
}

function happening(draw: Draw, { mortal, isolated, instances }: Objects): Happening {
  // The first host has most of the instances.
  const host = (): string => (draw.chance(0.35) ? (mortal[0] ?? '') : draw.pick(mortal));
  const lastsSeconds = draw.pick([5, 60, 700]);
  if (isolated !== undefined && draw.chance(0.15)) {
    return { kind: 'host isolated', host: isolated, lastsSeconds, reports: reports(draw, 'none') };
  }
  const kind = draw.number(1, 100);
  if (kind <= 33) return { kind: 'host dies', host: host(), reports: reports(draw, 'true') };
  if (kind <= 45) {
    return { kind: 'host returns', host: host(), isEnabledAgain: draw.chance(0.6), reports: reports(draw, 'none') };
  }
  if (kind <= 53) {
    const status = draw.pick(['NORMAL', 'UNKNOWN'] as const);
    return { kind: 'false alarm', host: host(), status, reports: reports(draw, 'none') };
  }
  if (kind <= 64) {
    return { kind: 'instance crashes', uuid: draw.pick(instances).uuid, reports: reports(draw, 'none', 'host') };
  }
  if (kind <= 68) return { kind: 'process fails', host: host(), reports: reports(draw, 'none', 'host') };
  if (kind <= 78) return { kind: 'nova', trouble: draw.pick(TROUBLES), lastsSeconds };
  return aboutEngine(draw, kind);
}

function aboutEngine(draw: Draw, kind: number): Happening {
  if (kind <= 86) return interruption(draw, kind <= 83 ? 'killed' : 'frozen');
  if (kind <= 92) return { kind: 'clock jumps', toSeconds: draw.pick([-3600, -90, 90, 3600]) };
  const command = draw.pick(['pause', 'unpause', 'approve', 'retry'] as const);
  return { kind: 'operator', command, forSeconds: draw.pick([null, 60, 600]) };
}

function interruption(draw: Draw, how: 'killed' | 'frozen'): Happening {
  const [atAwait, awaySeconds] = [draw.number(1, 60), draw.pick([5, 40, 600])];
  if (how === 'killed') return { kind: 'engine killed', atAwait, awaySeconds };
  // Longer than a confirmation of the lease counts (LATE_COMMIT_MS).
  const zombieSeconds = draw.pick([0, 2, 30]);
  return { kind: 'engine frozen', atAwait, awaySeconds: Math.max(10, awaySeconds), zombieSeconds };
}

/** @param proofs `true`: a report may have the proof of a fencing, since the host has no power */
function reports(draw: Draw, proofs: 'true' | 'none', from: 'watcher' | 'host' = 'watcher'): PlannedReport[] {
  const count = draw.chance(0.75) ? 1 : draw.number(0, 3);
  return Array.from({ length: count }, () => ({
    reporter: from === 'host' ? 'host' : draw.pick(['watcher-1', 'watcher-2']),
    delaySeconds: draw.chance(0.7) ? draw.number(1, 20) : draw.number(20, 400),
    aheadSeconds: draw.chance(0.85) ? 0 : draw.pick([-90, 90, 3600]),
    proof: proofs === 'true' && draw.chance(0.5) ? 'fencing' : 'none',
    copies: draw.chance(0.85) ? 1 : 2,
  }));
}
