/** The ping source with Debian's ping in network namespaces that lack what a ping needs: none of them is a death. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { readSource } from '#monitors/host/read-source.ts';
import { createPingSource } from '#monitors/host/sources/ping/source.ts';
import { installDebianPackages } from '../debian_packages.ts';
import { PATH } from './execute.ts';

beforeAll(async () => {
  await installDebianPackages('ping', ['iputils-ping', 'iproute2']);
});

/** Every ping runs in a namespace of its own. @param setup what root does in it before @param as what ping is run with */
async function read(addresses: readonly string[], setup: string, as = ''): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'recovery-agent-ping-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const inside = `${setup}\nexec ${as} /usr/bin/ping "$@"`;
  writeFileSync(join(folder, 'inside'), `#!/bin/sh\nPATH=${PATH}\n${inside}\n`, { mode: 0o755 });
  const outside = `#!/bin/sh\nexec /usr/bin/unshare --net "${folder}/inside" "$@"\n`;
  writeFileSync(join(folder, 'ping'), outside, { mode: 0o755 });
  const hosts = addresses.map((management, index) => [`h${index}`, { addresses: { management } }]);
  const inventory = join(folder, 'hosts.yaml');
  writeFileSync(inventory, JSON.stringify({ hosts: Object.fromEntries(hosts) }), { mode: 0o600 });
  vi.stubEnv('PATH', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  const hostSources = { ...DEFAULT_OPTIONS.hostSources, inventory, pingSamples: 1, pingTimeoutMs: 1_000 };
  try {
    const source = await createPingSource({ ...DEFAULT_OPTIONS, hostSources }, 'controller-1');
    const facts = await readSource(source, AbortSignal.timeout(60_000));
    return facts.map(({ host, state, detail }) => `${host} ${state}: ${detail}`).join(' | ');
  } catch (error) {
    return `blind: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const LOOPBACK = 'ip link set lo up';
/** A wire without another host. */
const WIRE = `${LOOPBACK}; ip link add d0 type veth peer name d1; ip addr add 10.9.0.1/24 dev d0; ip link set d1 up; ip link set d0 up`;

describe('the real ping', () => {
  it('detects a host that responds', async () => {
    expect(await read(['127.0.0.1'], LOOPBACK)).toBe('h0 up: 127.0.0.1 responds');
  });

  it.for([
    ['no network', ':', '', /Network is unreachable/],
    ['an interface that is down', `${WIRE}; ip link set d0 down`, '', /Network is unreachable/],
    ['no route', `${LOOPBACK}; ip route add unreachable 10.9.0.0/24`, '', /No route to host/],
    [
      'a route that is prohibited',
      `${LOOPBACK}; ip route add prohibit 10.9.0.0/24`,
      '',
      /check your local firewall rules/,
    ],
    [
      'no permission',
      `${WIRE}; echo 1 0 > /proc/sys/net/ipv4/ping_group_range`,
      'setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --no-new-privs',
      /Operation not permitted|Permission denied/,
    ],
  ] as const)('with %s is blind, with its reason', async ([, setup, as, reason]) => {
    const text = await read(['10.9.0.14', '10.9.0.15'], setup, as);
    expect(text).toMatch(/^blind: no host can be pinged; h0: /);
    expect(text).toMatch(reason);
  });

  it('takes one host that does not answer for down, and is blind when none of several does', async () => {
    expect(await read(['10.9.0.14'], WIRE)).toBe('h0 down: 10.9.0.14 did not respond to 1 pings');
    expect(await read(['10.9.0.14', '10.9.0.15'], WIRE)).toBe(
      'blind: no address responds and this node may be cut off; h0: mass silence: 10.9.0.14 and most others do not respond',
    );
  });

  it('reports nothing about an address without a route, while others respond', async () => {
    expect(await read(['127.0.0.1', '10.9.0.14'], LOOPBACK)).toMatch(
      /^h0 up: 127\.0\.0\.1 responds \| h1 unknown: 10\.9\.0\.14: .*Network is unreachable/,
    );
  });
});
