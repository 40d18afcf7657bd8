/**
 * Logs the gaps of the watch: hosts that are not watched, hosts that left, networks of which a source has no state.
 *
 * Invariant: each is logged when it starts or changes and when it ends; not every poll repeats it.
 */
import type { Log } from '#protocol/log.ts';
import type { Watching } from './expected-hosts.ts';
import type { Fact, Network } from './sources/source.ts';

const MAX_NAMES = 20;

export class Gaps {
  readonly #log: Log;
  #unwatched = '';
  #unlisted = '';
  readonly #networks = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  noteWatching({ unwatched, unlisted, expected }: Watching): void {
    const hosts = namesOf(unwatched.map(({ host }) => host));
    const [first] = unwatched;
    if (hosts !== this.#unwatched) {
      if (first === undefined) this.#log('info', 'all expected hosts are watched', { expected });
      else {
        const fields = { hosts, count: unwatched.length, expected, reason: `${first.host}: ${first.detail}` };
        this.#log('warning', 'expected hosts are not watched', fields);
      }
    }
    this.#unwatched = hosts;
    const others = namesOf(unlisted);
    if (others !== this.#unlisted && others !== '') {
      this.#log('info', 'hosts of Pacemaker are not in the inventory; no other source can read them', {
        hosts: others,
        count: unlisted.length,
      });
    }
    this.#unlisted = others;
  }

  noteGone(hosts: readonly string[]): void {
    if (hosts.length === 0) return;
    const fields = { hosts: namesOf(hosts), count: hosts.length };
    this.#log('warning', 'hosts are no longer watched: no source lists them any more', fields);
  }

  /** @param facts all facts of a poll of the source */
  noteNetworks(source: Fact['source'], facts: readonly Fact[]): void {
    for (const [network, ofNetwork] of Map.groupBy(facts, (fact) => fact.network)) {
      const [first] = ofNetwork;
      if (network === undefined || first === undefined) continue;
      const isBlind = ofNetwork.every(({ state }) => state === 'unknown');
      this.#noteNetwork(source, network, isBlind ? `${first.host}: ${first.detail}` : undefined);
    }
  }

  #noteNetwork(source: Fact['source'], network: Network, reason: string | undefined): void {
    const key = `${source} ${network}`;
    if (reason !== undefined && !this.#networks.has(key)) {
      this.#networks.add(key);
      this.#log('warning', 'a source is blind on a network', { source, network, reason });
    } else if (reason === undefined && this.#networks.delete(key)) {
      this.#log('info', 'a source recovered on a network', { source, network });
    }
  }
}

function namesOf(hosts: readonly string[]): string {
  const names = hosts.toSorted();
  return names.length <= MAX_NAMES ? names.join(', ') : `${names.slice(0, MAX_NAMES).join(', ')}, …`;
}
