/** The IPMI source with Debian's ipmitool, which reads a BMC simulated by OpenIPMI. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { createIpmiSource } from '#monitors/host/sources/ipmi/source.ts';
import { installPackages } from './install.ts';
import { BmcSimulator, PASSWORD, USER } from './simulator.ts';

beforeAll(installPackages);

/** `down power off`, or what the log has. @param more keys of the BMC */
async function read(bmc: BmcSimulator, more: Readonly<Record<string, string | number>> = {}): Promise<string> {
  const passwordFile = join(bmc.folder, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const keys = { type: 'ipmi', address: '127.0.0.1', port: bmc.port, user: USER, password_file: passwordFile, ...more };
  const inventory = join(bmc.folder, 'hosts.yaml');
  writeFileSync(inventory, JSON.stringify({ hosts: { c1: { bmc: keys } } }), { mode: 0o600 });
  const limits = { ipmiRetryMax: 0, ipmiTimeoutMs: 60_000 };
  const hostSources = { ...DEFAULT_OPTIONS.hostSources, ...limits, inventory };
  const source = await createIpmiSource({ ...DEFAULT_OPTIONS, hostSources }, 'controller-1');
  try {
    const [fact] = await source.poll(AbortSignal.timeout(120_000));
    return fact?.proof === undefined ? `${fact?.state} ${fact?.detail}` : `${fact.state} ${fact.proof}`;
  } catch (error) {
    return `blind: ${error instanceof Error ? error.message : String(error)}`;
  }
}

describe('the real ipmitool', () => {
  test.for([
    {},
    { interface: 'lan' },
    { interface: 'lanplus', cipher_suite: 3 },
    { cipher_suite: 3, privilege: 'USER' },
    { privilege: 'OPERATOR' },
  ])('reads the power with %j', async (keys) => {
    await using bmc = await BmcSimulator.start();
    expect(await read(bmc, keys)).toBe('unknown powered on');
    bmc.setPower('off');
    expect(await read(bmc, keys)).toBe('down power off');
  });

  test('logs in with a Kg key, as text and as digits, and not without', async () => {
    await using bmc = await BmcSimulator.start({ kgKey: 'kg-key' });
    const file = join(bmc.folder, 'kg.key');
    bmc.setPower('off');
    for (const key of ['kg-key', `0x${Buffer.from('kg-key').toString('hex')}`]) {
      writeFileSync(file, `${key}\n`, { mode: 0o600 });
      expect(await read(bmc, { kg_key_file: file, cipher_suite: 3 })).toBe('down power off');
    }
    writeFileSync(file, 'another\n', { mode: 0o600 });
    const refused = await read(bmc, { kg_key_file: file, cipher_suite: 3 });
    expect(refused).toMatch(/^blind:.*failed \(exit code 1\): .*Unable to establish IPMI v2 \/ RMCP\+ session/);
    expect(await read(bmc, { cipher_suite: 3 })).toMatch(/^blind:/);
  });

  test('is blind with the reason of ipmitool', async () => {
    await using bmc = await BmcSimulator.start();
    bmc.setPower('off');
    expect(await read(bmc, { user: 'nobody', cipher_suite: 3 })).toContain(
      'Unable to establish IPMI v2 / RMCP+ session',
    );
    const wrong = join(bmc.folder, 'wrong');
    writeFileSync(wrong, 'verkehrt\n', { mode: 0o600 });
    const refused = await read(bmc, { password_file: wrong, cipher_suite: 3 });
    expect(refused).toContain('Unable to establish IPMI v2 / RMCP+ session');
    expect(refused).not.toContain('verkehrt');
    // This BMC implements suites 0 to 3 alone.
    expect(await read(bmc, { cipher_suite: 17 })).toContain(
      'Error in open session response message : invalid authentication algorithm; Error: Unable to establish',
    );
    // ipmitool 1.8.19 ends itself on what it does not implement.
    expect(await read(bmc, { cipher_suite: 12 })).toMatch(/failed \(signal SIGABRT\): .*Assertion/);
    bmc.setPower('broken');
    expect(await read(bmc)).toContain('Get Chassis Power Status failed: Unspecified error');
  });

  test('is blind where no BMC responds', async () => {
    await using bmc = await BmcSimulator.start();
    expect(await read(bmc, { port: 9, timeout: 60 })).toMatch(/^blind:.*Unable to establish IPMI v2/);
    expect(await read(bmc, { port: 9, timeout: 1 })).toMatch(/^blind:.*timed out after 1 s; .*set cipher_suite/);
  });
});
