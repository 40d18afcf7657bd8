/**
 * Checks whether hosts respond to ping, on each of their networks. The system's program sends the pings;
 * the npm package `ping` has its arguments and parses its output. The program is run here and not by the package, which parses in an
 * event of the child: an unexpected output would end the whole monitor.
 *
 * Invariant: it proves nothing, and silence counts only if packets were really sent: a program that is missing, may not send, or
 * finds no route returns no state of the host. If most hosts of a network fall silent together, no host there is taken for down.
 */
import { execFile } from 'node:child_process';
import builder from 'ping/lib/builder/linux.js';
import parsers from 'ping/lib/parser/factory.js';
import type { EngineOptions } from '#config/options/options.ts';
import { massSilence } from '../../mass-silence-decision.ts';
import { inParallel } from '../in-parallel.ts';
import { requireInventory } from '../inventory.ts';
import { type Fact, NETWORKS, type Network, type Source, type SourceKind } from '../source.ts';

/** The program ends at its own deadline; this is for one that hangs. */
const GRACE_MS = 5_000;
const MAX_OUTPUT_BYTES = 64 * 1024;
/** The last poll of a host that never responded: it did not fall silent together with hosts of the first poll. */
const NEVER = -10;
/** Per cent of the hosts of a network. */
const MASS_PERCENT = 50;

interface Target {
  readonly host: string;
  readonly network: Network;
  readonly address: string;
}

type Answer = { readonly state: 'answered' | 'silent' } | { readonly state: 'unknown'; readonly why: string };

export const ping: SourceKind<'hostSources'> = { name: 'ping', groups: ['hostSources'], create: createPingSource };

export async function createPingSource(options: Pick<EngineOptions, 'hostSources'>, node: string): Promise<Source> {
  const { inventory } = options.hostSources;
  const targets = requireInventory(inventory, 'ping').flatMap(({ name, addresses }) =>
    NETWORKS.flatMap((network): Target[] => {
      const address = addresses[network];
      return address === undefined ? [] : [{ host: name, network, address }];
    }),
  );
  if (targets.length === 0) throw new Error(`${inventory} has no host with an address for ping`);
  return new PingSource(
    options.hostSources,
    targets.filter(({ host }) => host !== node),
  );
}

class PingSource implements Source {
  readonly name = 'ping';
  readonly #options: EngineOptions['hostSources'];
  readonly #targets: readonly Target[];
  /** By network and host: the number of the poll in which it last responded. */
  readonly #answered = new Map<Network, Map<string, number>>();
  #polls = 0;

  constructor(options: EngineOptions['hostSources'], targets: readonly Target[]) {
    this.#options = options;
    this.#targets = targets;
  }

  async poll(signal: AbortSignal): Promise<readonly Fact[]> {
    this.#polls += 1;
    const poll = this.#polls;
    const answers = await inParallel(this.#options.pingParallel, this.#targets, async (target) => {
      const answer = await sample(target.address, this.#options, signal);
      return { target, answer, at: Date.now() };
    });
    signal.throwIfAborted();
    const [first] = answers;
    if (first?.answer.state === 'unknown' && answers.every(({ answer }) => answer.state === 'unknown')) {
      throw new Error(`no host can be pinged; ${first.target.host}: ${first.answer.why}`);
    }
    for (const { target, answer } of answers) {
      const known = this.#answered.get(target.network) ?? new Map<string, number>();
      this.#answered.set(target.network, known);
      if (answer.state === 'answered') known.set(target.host, poll);
      else if (!known.has(target.host)) known.set(target.host, NEVER);
    }
    const silent = answers.flatMap(({ target, answer }) => (answer.state === 'silent' ? [target] : []));
    const masses = new Map(NETWORKS.map((network) => [network, this.#mass(network, silent)]));
    const facts = answers.map(({ target, answer, at }) => {
      const isMass = masses.get(target.network)?.has(target.host) === true;
      return factOf(target, answer, { isMass, at, samples: this.#options.pingSamples });
    });
    if (facts.length > 1 && facts.every(({ state }) => state === 'unknown')) {
      throw new Error(`no address responds and this node may be cut off; ${facts[0]?.host}: ${facts[0]?.detail}`);
    }
    return facts;
  }

  /** Counted in polls: a cut during one poll divides the hosts between it and the next. */
  #mass(network: Network, silent: readonly Target[]): ReadonlySet<string> {
    const quiet = silent.filter((target) => target.network === network).map(({ host }) => host);
    const rule = { window: 1, sharePercent: MASS_PERCENT };
    return massSilence(this.#answered.get(network) ?? new Map(), quiet, rule);
  }
}

interface Moment {
  readonly isMass: boolean;
  readonly at: number;
  readonly samples: number;
}

function factOf({ host, network, address }: Target, answer: Answer, { isMass, at, samples }: Moment): Fact {
  const fact = { source: 'ping', host, network, at } as const;
  if (answer.state === 'answered') return { ...fact, state: 'up', detail: `${address} responds` };
  if (answer.state === 'unknown') return { ...fact, state: 'unknown', detail: `${address}: ${answer.why}` };
  if (isMass) return { ...fact, state: 'unknown', detail: `mass silence: ${address} and most others do not respond` };
  return { ...fact, state: 'down', detail: `${address} did not respond to ${samples} pings` };
}

/** Until the first response, or until all samples had none. */
async function sample(address: string, options: EngineOptions['hostSources'], signal: AbortSignal): Promise<Answer> {
  let answer: Answer = { state: 'unknown', why: 'the poll was aborted' };
  for (let tries = 0; tries < options.pingSamples && !signal.aborted; tries += 1) {
    answer = await probe(address, options.pingTimeoutMs, signal);
    if (answer.state !== 'silent') return answer;
  }
  return signal.aborted ? { state: 'unknown', why: 'the poll was aborted' } : answer;
}

function probe(address: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  const seconds = Math.ceil(timeoutMs / 1000);
  const settings = { timeout: seconds, deadline: seconds, min_reply: 1 };
  const limits = { timeout: seconds * 1000 + GRACE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
  // The parser understands only this language.
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' };
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const words = builder.getCommandArguments(address, settings);
  execFile('ping', words, { ...limits, env, signal }, (error, stdout, stderr) => {
    if (error?.code === 'ENOENT' || error?.code === 'EACCES') {
      resolve({ state: 'unknown', why: 'the program ping cannot be run; install iputils-ping' });
    } else if (error?.killed === true) resolve({ state: 'unknown', why: 'ping did not end by itself' });
    else resolve(read(address, settings, stdout, stderr));
  });
  return promise;
}

/**
 * A firewall or a missing route on the way, of this host or of another: the state of the target is unknown. If a host is off, pings
 * get no response, or a neighbour returns "Destination Host Unreachable" (in IPv6 "Address unreachable").
 */
const IN_THE_WAY =
  /operation not permitted|permission denied|network is unreachable|no buffer space|(?:port|protocol|net) unreachable|prohibited|filtered|no route|failed policy|time to live exceeded|hop limit exceeded/i;

/** Without a line of statistics nothing was sent. */
function read(address: string, settings: PingSettings, stdout: string, stderr: string): Answer {
  try {
    const parser = parsers.createParser(address, 'linux', settings);
    for (const line of stdout.split('\n')) parser.eat(line);
    const { alive, packetLoss } = parser.getResult();
    if (alive) return { state: 'answered' };
    const isBlocked = IN_THE_WAY.test(`${stderr}\n${stdout}`);
    if (Number(packetLoss) === 100 && !isBlocked) return { state: 'silent' };
  } catch {
    // The parser takes every line for one of those it knows.
  }
  const lines = `${stderr}\n${stdout}`.split('\n').filter((text) => text.trim() !== '');
  const line = lines.find((text) => IN_THE_WAY.test(text)) ?? lines[0] ?? 'ping has no output';
  return { state: 'unknown', why: line.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 200) };
}
