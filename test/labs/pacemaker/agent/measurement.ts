/**
 * Runs every action under a fault, as Pacemaker's executor does, and checks facts that no exit code shows: `stop` returns 0 exactly
 * if no engine of the resource lives, other processes are not touched, and each failure has one reason.
 */
import { type Executed, PATH } from '../execute.ts';
import { type ActionName, type Codes, expectedCodes, type Fault, type State } from './fault.ts';
import { type Environment, type LivingProcess, Place } from './place.ts';

export interface Measurement {
  readonly fault: Fault;
  readonly state: State;
  /** Of the actions that were tried. */
  readonly codes: Partial<Codes>;
  /** `stop` failed, and the engine lived on: the one case in which fencing the node is right. */
  readonly couldNotStop: boolean;
  /** What is wrong besides the codes. */
  readonly objections: readonly string[];
  /** Each action with its code and output. */
  readonly transcript: string;
}

const OUTPUT_LIMIT = 600;

/** Long enough for a loaded machine, and short enough that a hung engine is soon ended. */
const TIMEOUTS_MS: Readonly<Record<string, number>> = { start: 60_000, stop: 10_000, monitor: 12_000 };

export function environmentOf(action: string, place: Place, instance = 'recovery'): Environment {
  const word = action === 'probe' ? 'monitor' : action;
  const parameters = Object.entries(place.paths).map(([name, value]) => [`OCF_RESKEY_${name}`, value]);
  return {
    PATH,
    HOME: '/root',
    OCF_ROOT: '/usr/lib/ocf',
    OCF_RA_VERSION_MAJOR: '1',
    OCF_RA_VERSION_MINOR: '1',
    OCF_RESOURCE_INSTANCE: instance,
    OCF_RESOURCE_TYPE: 'recovery-agent',
    OCF_RESOURCE_PROVIDER: 'openstack',
    OCF_RESKEY_crm_feature_set: '3.16.2',
    OCF_RESKEY_CRM_meta_name: word,
    OCF_RESKEY_CRM_meta_on_node: 'n1',
    OCF_RESKEY_CRM_meta_on_node_uuid: '1',
    OCF_RESKEY_CRM_meta_timeout: String(TIMEOUTS_MS[word] ?? 20_000),
    ...(word === 'monitor' ? { OCF_RESKEY_CRM_meta_interval: action === 'probe' ? '0' : '10000' } : {}),
    ...Object.fromEntries(parameters),
  };
}

class Round {
  readonly #place: Place;
  readonly #fault: Fault;
  readonly codes: Partial<Record<ActionName, number>> = {};
  readonly objections: string[] = [];
  readonly transcript: string[] = [];
  couldNotStop = false;
  /** Processes that no action may end. */
  bystanders: readonly LivingProcess[] = [];

  constructor(place: Place, fault: Fault) {
    this.#place = place;
    this.#fault = fault;
  }

  async act(action: ActionName): Promise<void> {
    const word = action === 'probe' ? 'monitor' : action;
    const environment: Record<string, string> = {
      ...environmentOf(action, this.#place),
      ...this.#fault.environment?.(this.#place),
    };
    for (const name of this.#fault.without ?? []) delete environment[name];
    const caller = this.#fault.caller?.(this.#place) ?? [];
    const executed = await this.#place.run([...caller, this.#place.agent, word], environment);
    this.transcript.push(`${action}: ${executed.status}\n${shorten(executed.stderr)}`);
    this.#note(action, executed);
    this.#checkReason(action, executed);
    if (action === 'stop') this.#checkStopped(executed.status);
    this.#checkBystanders(action);
  }

  #note(action: ActionName, { status }: Executed): void {
    const before = this.codes[action];
    if (before !== undefined && before !== status)
      this.objections.push(`${action} returned ${before}, and later ${status}`);
    this.codes[action] = status;
  }

  #checkReason(action: ActionName, { status, stderr }: Executed): void {
    const isFailure = status !== 0 && !(status === 7 && (action === 'probe' || action === 'monitor'));
    const reasons = stderr.split('\n').filter((line) => /^ocf-exit-reason:./.test(line));
    if (isFailure && reasons.length !== 1)
      this.objections.push(`${action} failed with ${reasons.length} ocf-exit-reason lines`);
  }

  #checkStopped(status: number): void {
    const spared = new Set(this.bystanders.map(({ pid }) => pid));
    const left = this.#place.engines().filter(({ pid }) => !spared.has(pid));
    if (status === 0 && left.length > 0) this.objections.push('stop returned 0, and the engine lives');
    if (status !== 0 && left.length === 0) this.objections.push(`stop returned ${status}, and nothing runs`);
    this.couldNotStop ||= status !== 0 && left.length > 0;
  }

  #checkBystanders(action: ActionName): void {
    const living = new Set(this.#place.processes().map(({ pid }) => pid));
    for (const { pid, argv } of this.bystanders) {
      if (!living.has(pid)) this.objections.push(`${action} ended a process of others (${argv.join(' ').trim()})`);
    }
  }
}

function shorten(text: string): string {
  return text.length > OUTPUT_LIMIT ? `${text.slice(0, OUTPUT_LIMIT)}…` : text;
}

async function startHealthy(place: Place): Promise<void> {
  const { status, stderr } = await place.run([place.agent, 'start'], environmentOf('start', place));
  if (status !== 0) throw new Error(`a healthy node does not start the engine: ${status}\n${stderr}`);
}

/** Actions in the order of Pacemaker: a failed start is followed by a stop. `meta-data` depends on no engine. */
const ORDER: Readonly<Record<State, readonly ActionName[]>> = {
  stopped: ['meta-data', 'probe', 'monitor', 'stop', 'validate-all', 'start', 'stop'],
  running: ['probe', 'monitor', 'validate-all', 'start', 'stop'],
};

interface Played {
  readonly round: Round;
  /** `start` ended the engine that ran, so that `stop` met another one. */
  readonly isReplaced: boolean;
}

async function play(executable: string, fault: Fault, state: State, actions: readonly ActionName[]): Promise<Played> {
  await using place = await Place.open(executable);
  if (state === 'running') await startHealthy(place);
  const own = place.processes().map(({ pid }) => pid);
  await fault.arrange?.(place);
  const round = new Round(place, fault);
  round.bystanders = place.processes().filter(({ pid }) => !own.includes(pid));
  let isReplaced = false;
  for (const action of actions) {
    await round.act(action);
    if (action === 'start' && state === 'running')
      isReplaced = place.processes().every(({ pid }) => !own.includes(pid));
  }
  return { round, isReplaced };
}

/** Every action under the fault. Where `start` replaces the engine, `stop` is tried on the first engine too. */
export async function measure(executable: string, fault: Fault, state: State): Promise<Measurement> {
  const first = await play(executable, fault, state, ORDER[state]);
  const rounds = [first.round];
  if (first.isReplaced) rounds.push((await play(executable, fault, state, ['stop'])).round);
  const stops = new Set(rounds.map((each) => each.codes.stop));
  return {
    fault,
    state,
    codes: first.round.codes,
    couldNotStop: first.round.codes.stop !== 0 && rounds.every((each) => each.couldNotStop),
    objections: [
      ...rounds.flatMap((each) => each.objections),
      ...(stops.size > 1 ? [`stop returned ${[...stops].join(' and ')}`] : []),
    ],
    transcript: rounds.flatMap((each) => each.transcript).join('\n'),
  };
}

/** One line for each difference from what the fault has to yield. */
export function differences({ fault, state, codes, objections }: Measurement): readonly string[] {
  const wanted = expectedCodes(fault, state);
  const wrong = ORDER[state].filter(
    (action, at, all) => all.indexOf(action) === at && codes[action] !== wanted[action],
  );
  return [...wrong.map((action) => `${action} returned ${codes[action]} instead of ${wanted[action]}`), ...objections];
}
