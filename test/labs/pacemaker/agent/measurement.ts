/**
 * Runs every action under a fault, as Pacemaker's executor does, and checks what no exit code shows: that `stop` says 0 exactly
 * when no engine of the resource lives, that bystanders are left alone, and that each failure has one reason.
 */
import { type Executed, PATH } from '../execute.ts';
import { ACTIONS, type ActionName, type Codes, expectedCodes, type Fault, type State } from './fault.ts';
import { type Environment, type LivingProcess, Place } from './place.ts';

export interface Measurement {
  readonly fault: Fault;
  readonly state: State;
  readonly codes: Codes;
  /** `stop` failed, and the engine lived on: the one case in which fencing the node is right. */
  readonly couldNotStop: boolean;
  /** What is wrong besides the codes. */
  readonly objections: readonly string[];
  /** Each action with its code and output. */
  readonly transcript: string;
}

const OUTPUT_LIMIT = 600;

/** Long enough for a loaded machine, and short enough that a hung engine is soon ended. */
const TIMEOUTS_MS: Readonly<Record<string, number>> = { start: 30_000, stop: 10_000, monitor: 12_000 };

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

/** Actions in the order of Pacemaker: a failed start is followed by a stop. */
const ORDER: Readonly<Record<State, readonly ActionName[]>> = {
  stopped: ['meta-data', 'probe', 'monitor', 'stop', 'validate-all', 'start', 'stop'],
  running: ['meta-data', 'probe', 'monitor', 'validate-all', 'stop'],
};

async function round(agent: string, fault: Fault, state: State, actions: readonly ActionName[]): Promise<Round> {
  await using place = await Place.open(agent);
  if (state === 'running') await startHealthy(place);
  const own = new Set(place.processes().map(({ pid }) => pid));
  await fault.arrange?.(place);
  const round = new Round(place, fault);
  round.bystanders = place.processes().filter(({ pid }) => !own.has(pid));
  for (const action of actions) await round.act(action);
  return round;
}

/** Every action under the fault; `start` beside a running engine has a node of its own, since it may replace the engine. */
export async function measure(agent: string, fault: Fault, state: State): Promise<Measurement> {
  const rounds = [await round(agent, fault, state, ORDER[state])];
  if (state === 'running') rounds.push(await round(agent, fault, state, ['start', 'stop']));
  const codes = Object.assign({}, ...rounds.map((each) => each.codes)) as Codes;
  const stops = new Set(rounds.map((each) => each.codes.stop));
  return {
    fault,
    state,
    codes,
    couldNotStop: rounds.every((each) => each.couldNotStop || each.codes.stop === 0) && codes.stop !== 0,
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
  const wrong = ACTIONS.filter((action) => codes[action] !== wanted[action]);
  return [...wrong.map((action) => `${action} returned ${codes[action]} instead of ${wanted[action]}`), ...objections];
}
