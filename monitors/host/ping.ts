/**
 * Whether hosts answer to ping, on each of their networks. With the npm package `ping`, which runs the system's program.
 *
 * Invariant: it proves nothing, and silence counts only where packets really left: a program that is missing, may not send, or
 * finds no route says nothing of the host. Where most hosts of a network fall silent together, nobody there is taken for down.
 */
import ping from 'ping';
import type { EngineOptions } from '#config/options.ts';
import { type Fact, NETWORKS, type Network, type Source } from './fact.ts';
import { inParallel } from './in-parallel.ts';
import { requireInventory } from './inventory.ts';
import { massSilence } from './silence.ts';

/** The program ends by its own deadline; this is for one that hangs. */
const GRACE_MS = 5_000;
/** The look in which one was last seen that never was: not together with those who were seen in the first. */
const NEVER = -10;
/** Per cent of the hosts of a network. */
const MASS_PERCENT = 50;

interface Target {
  readonly host: string;
  readonly network: Network;
  readonly address: string;
}

type Answer = { readonly says: 'answered' | 'silent' } | { readonly says: 'unknown'; readonly why: string };

export async function createPingSource(options: EngineOptions, node: string): Promise<Source> {
  const { inventory } = options.hostSources;
  const targets = requireInventory(inventory, 'ping').flatMap(({ name, addresses }) =>
    NETWORKS.flatMap((network): Target[] => {
      const address = addresses[network];
      return address === undefined ? [] : [{ host: name, network, address }];
    }),
  );
  if (targets.length === 0) throw new Error(`${inventory} has no host with an address that ping could ask`);
  return new PingSource(
    options.hostSources,
    targets.filter(({ host }) => host !== node),
  );
}

class PingSource implements Source {
  readonly name = 'ping';
  readonly #options: EngineOptions['hostSources'];
  readonly #targets: readonly Target[];
  /** By network and host: the number of the look in which it last answered. */
  readonly #answered = new Map<Network, Map<string, number>>();
  #looks = 0;

  constructor(options: EngineOptions['hostSources'], targets: readonly Target[]) {
    this.#options = options;
    this.#targets = targets;
  }

  async look(signal: AbortSignal): Promise<readonly Fact[]> {
    this.#looks += 1;
    const look = this.#looks;
    const answers = await inParallel(this.#options.pingParallel, this.#targets, async (target) => {
      const answer = await sample(target.address, this.#options, signal);
      return { target, answer, at: Date.now() };
    });
    signal.throwIfAborted();
    const [first] = answers;
    if (first?.answer.says === 'unknown' && answers.every(({ answer }) => answer.says === 'unknown')) {
      throw new Error(`no host can be pinged; ${first.target.host}: ${first.answer.why}`);
    }
    for (const { target, answer } of answers) {
      const known = this.#answered.get(target.network) ?? new Map<string, number>();
      this.#answered.set(target.network, known);
      if (answer.says === 'answered') known.set(target.host, look);
      else if (!known.has(target.host)) known.set(target.host, NEVER);
    }
    const silent = answers.flatMap(({ target, answer }) => (answer.says === 'silent' ? [target] : []));
    const masses = new Map(NETWORKS.map((network) => [network, this.#mass(network, silent)]));
    return answers.map(({ target, answer, at }) => {
      const isMass = masses.get(target.network)?.has(target.host) === true;
      return factOf(target, answer, { isMass, at, samples: this.#options.pingSamples });
    });
  }

  /** Counted in looks: a cut in the midst of one look parts the hosts between it and the next. */
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
  if (answer.says === 'answered') return { ...fact, says: 'up', detail: `${address} answers` };
  if (answer.says === 'unknown') return { ...fact, says: 'unknown', detail: `${address}: ${answer.why}` };
  if (isMass) return { ...fact, says: 'unknown', detail: `mass silence: ${address} and most others do not answer` };
  return { ...fact, says: 'down', detail: `${address} left ${samples} pings unanswered` };
}

/** Until one is answered, or all of them were not. */
async function sample(address: string, options: EngineOptions['hostSources'], signal: AbortSignal): Promise<Answer> {
  let answer: Answer = { says: 'unknown', why: 'the look was ended' };
  for (let tries = 0; tries < options.pingSamples && !signal.aborted; tries += 1) {
    answer = await probe(address, options.pingTimeoutMs, signal);
    if (answer.says !== 'silent') return answer;
  }
  return signal.aborted ? { says: 'unknown', why: 'the look was ended' } : answer;
}

async function probe(address: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  const timeout = Math.ceil(timeoutMs / 1000);
  const end = AbortSignal.any([signal, AbortSignal.timeout(timeout * 1000 + GRACE_MS)]);
  const ended = Promise.withResolvers<Answer>();
  const stop = () => ended.resolve({ says: 'unknown', why: 'ping does not end' });
  end.addEventListener('abort', stop, { once: true });
  try {
    // `ping` itself takes IPv6 addresses too; `ping6`, which the package would run, is not everywhere.
    const sent = ping.promise.probe(address, { timeout, deadline: timeout, min_reply: 1, v6: false });
    return await Promise.race([sent.then(read), ended.promise]);
  } catch {
    return { says: 'unknown', why: 'the program ping cannot be run; install iputils-ping' };
  } finally {
    end.removeEventListener('abort', stop);
  }
}

/** Without a line of statistics nothing was sent: "Network is unreachable", "Operation not permitted". */
function read(response: { readonly alive: boolean; readonly packetLoss: unknown; readonly output: string }): Answer {
  if (response.alive) return { says: 'answered' };
  if (Number(response.packetLoss) === 100) return { says: 'silent' };
  const line = response.output.split('\n').find((text) => text.trim() !== '') ?? 'ping says nothing';
  return { says: 'unknown', why: line.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 200) };
}
