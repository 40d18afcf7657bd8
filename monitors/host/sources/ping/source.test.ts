import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { sourcePlace } from '#test/world/source-place.ts';
import type { Source } from '../source.ts';
import { createPingSource } from './source.ts';

/** The output of iputils' ping 20221126. The address selects the result, a file in `dead` makes it silent. */
const STAND_IN = `#!/bin/sh
for address; do :; done
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
case "$address" in
10.0.0.99) echo 'ping: connect: Network is unreachable' >&2; exit 2 ;;
10.0.0.97) echo 'Segmentation fault'; exit 139 ;;
10.0.0.96) echo "PING $address ($address) 56(84) bytes of data."
  echo 'From 10.0.0.3 icmp_seq=1 Destination Port Unreachable'
  echo 'ping: sendmsg: Operation not permitted' >&2
  printf '\\n--- %s ping statistics ---\\n1 packets transmitted, 0 received, +1 errors, 100%% packet loss, time 0ms\\n\\n' "$address"
  exit 1 ;;
10.0.0.98) echo 'ping: socket: Operation not permitted' >&2; exit 2 ;;
esac
echo "PING $address ($address) 56(84) bytes of data."
if [ -e "$folder/dead/$address" ]; then
  printf '\\n--- %s ping statistics ---\\n1 packets transmitted, 0 received, 100%% packet loss, time 0ms\\n\\n' "$address"
  exit 1
fi
echo "64 bytes from $address: icmp_seq=1 ttl=64 time=0.031 ms"
printf '\\n--- %s ping statistics ---\\n1 packets transmitted, 1 received, 0%% packet loss, time 0ms\\n' "$address"
echo 'rtt min/avg/max/mdev = 0.031/0.031/0.031/0.000 ms'
`;

const PATH = process.env.PATH;
afterEach(() => {
  process.env.PATH = PATH;
});

async function place(hosts: Readonly<Record<string, string>>) {
  const lines = Object.entries(hosts).map(([name, addresses]) => `  ${name}: { addresses: { ${addresses} } }`);
  const made = sourcePlace(`hosts:\n${lines.join('\n')}\n`, { pingSamples: 3, pingParallel: 4 });
  made.write('ping', STAND_IN, 0o755);
  mkdirSync(join(made.folder, 'dead'));
  process.env.PATH = `${made.folder}:${PATH}`;
  const source = await createPingSource(made.options, 'controller-1');
  return {
    source,
    folder: made.folder,
    dies: (address: string) => made.write(`dead/${address}`, ''),
    returns: (address: string) => rmSync(join(made.folder, 'dead', address)),
  };
}

async function state(source: Source): Promise<Record<string, string>> {
  const facts = await source.poll(AbortSignal.timeout(25_000));
  expect(facts.every((fact) => fact.proof === undefined)).toBe(true);
  return Object.fromEntries(
    facts.map(({ host, network, state, detail }) => [`${host} ${network}`, `${state}: ${detail}`]),
  );
}

describe('ping', () => {
  test('returns the state of each network of each host', async () => {
    const { source, dies } = await place({
      'compute-1': 'management: 10.0.0.1, storage: 10.2.0.1',
      'compute-2': 'management: 10.0.0.2, storage: 10.2.0.2',
      'controller-1': 'management: 10.0.0.3',
    });
    dies('10.2.0.1');
    expect(await state(source)).toEqual({
      'compute-1 management': 'up: 10.0.0.1 responds',
      'compute-1 storage': 'down: 10.2.0.1 did not respond to 3 pings',
      'compute-2 management': 'up: 10.0.0.2 responds',
      'compute-2 storage': 'up: 10.2.0.2 responds',
    });
  });

  test('has a host down only after no response to every sample, and stops at the first response', async () => {
    const { source, dies, folder } = await place({ a: 'management: 10.0.0.1', b: 'management: 10.0.0.2' });
    dies('10.0.0.1');
    await state(source);
    const requested = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    expect(requested.filter((line) => line.endsWith(' 10.0.0.1'))).toHaveLength(3);
    expect(requested.filter((line) => line.endsWith(' 10.0.0.2'))).toHaveLength(1);
  });

  test('that could not be sent has no state of the host', async () => {
    const { source } = await place({
      a: 'management: 10.0.0.1',
      b: 'management: 10.0.0.99',
      c: 'management: 10.0.0.98',
      d: 'management: 10.0.0.97',
      e: 'management: 10.0.0.96',
    });
    expect(await state(source)).toEqual({
      'a management': 'up: 10.0.0.1 responds',
      'b management': 'unknown: 10.0.0.99: ping: connect: Network is unreachable',
      'c management': 'unknown: 10.0.0.98: ping: socket: Operation not permitted',
      'd management': 'unknown: 10.0.0.97: Segmentation fault',
      'e management': 'unknown: 10.0.0.96: ping: sendmsg: Operation not permitted',
    });
  });

  test('is blind if nothing can be sent, or there is no such program', async () => {
    const { source, folder } = await place({ a: 'management: 10.0.0.99' });
    await expect(state(source)).rejects.toThrow('no host can be pinged; a: ping: connect: Network is unreachable');
    process.env.PATH = join(folder, 'dead');
    await expect(state(source)).rejects.toThrow('install iputils-ping');
  });

  test('has no host down if most fall silent together; a host that stays silent when the others return is down', async () => {
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'];
    const { source, dies, returns } = await place(
      Object.fromEntries(addresses.map((address, n) => [`h${n}`, `management: ${address}`])),
    );
    const words = async () => Object.values(await state(source)).map((text) => text.split(':')[0]);
    expect(await words()).toEqual(['up', 'up', 'up', 'up', 'up']);
    for (const address of addresses.slice(0, 4)) dies(address);
    expect(await words()).toEqual(['unknown', 'unknown', 'unknown', 'unknown', 'up']);
    expect(await words()).toEqual(['unknown', 'unknown', 'unknown', 'unknown', 'up']);
    for (const address of addresses.slice(1, 4)) returns(address);
    expect(await words()).toEqual(['down', 'up', 'up', 'up', 'up']);
  });

  test('is blind if all fall silent together, and recovers', async () => {
    const { source, dies, returns } = await place({
      a: 'management: 10.0.0.1',
      b: 'storage: 10.0.0.2, management: 10.0.0.3',
    });
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    expect(Object.values(await state(source)).every((text) => text.startsWith('up'))).toBe(true);
    for (const address of addresses) dies(address);
    expect(await state(source)).toMatchObject({ 'b storage': 'down: 10.0.0.2 did not respond to 3 pings' });
    returns('10.0.0.2');
    expect(await state(source)).toMatchObject({ 'b storage': 'up: 10.0.0.2 responds' });
    const { source: both, dies: die } = await place({ a: 'management: 10.0.0.1', b: 'management: 10.0.0.2' });
    for (const address of addresses) die(address);
    await expect(state(both)).rejects.toThrow(
      'no address responds and this node may be cut off; a: mass silence: 10.0.0.1 and most others do not respond',
    );
  });

  test('needs a host', async () => {
    const { options } = sourcePlace('hosts: { h: {} }');
    await expect(createPingSource(options, 'n')).rejects.toThrow('has no host with an address for ping');
  });
});
