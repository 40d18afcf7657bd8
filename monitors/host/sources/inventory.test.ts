import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseInventory, readInventory, requireInventory } from './inventory.ts';

const parse = (text: string, mode = 0o640) => parseInventory('/hosts.yaml', text, mode);

describe('an inventory', () => {
  test('has addresses, BMC and Consul name of each host', () => {
    const hosts = parse(`
hosts:
  compute-1:
    addresses: { management: 10.0.0.11, storage: "fd00::11" }
    bmc: &bmc
      type: ipmi
      address: 10.9.0.11
      user: recovery
      password_file: /etc/recovery-agent/bmc.password
    consul: compute-1.example
  compute-2:
    bmc: { <<: *bmc, address: bmc-2, port: 6230 }
  compute-3: {}
`);
    const bmc = { type: 'ipmi', user: 'recovery', password_file: '/etc/recovery-agent/bmc.password' };
    expect(hosts).toEqual([
      {
        name: 'compute-1',
        addresses: { management: '10.0.0.11', storage: 'fd00::11' },
        bmc: { ...bmc, address: '10.9.0.11' },
        consul: 'compute-1.example',
      },
      { name: 'compute-2', addresses: {}, bmc: { ...bmc, address: 'bmc-2', port: 6230 }, consul: undefined },
      { name: 'compute-3', addresses: {}, bmc: undefined, consul: undefined },
    ]);
  });

  test('keeps a password of digits as it was written', () => {
    const [host] = parse('hosts: { h: { bmc: { type: redfish, address: b, user: u, password: 0123 } } }');
    expect(host?.bmc?.password).toBe('0123');
  });

  test('with a password in it must not be readable by every user', () => {
    const inline = 'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: geheim } } }';
    expect(() => parse(inline, 0o644)).toThrow('every user of this machine has access; chmod 640 /hosts.yaml');
    expect(() => parse(inline, 0o644)).not.toThrow('geheim');
    expect(parse('hosts: { h: {} }', 0o644)).toHaveLength(1);
  });
});

describe('defaults of all BMCs of a type', () => {
  const defaults = 'bmc_defaults:\n  ipmi: { user: u, password: p, port: 6230, cipher_suite: 17 }\n';

  test('hold where a BMC has no value of its own; its own password replaces either of theirs', () => {
    const [one, two, three] = parse(`${defaults}hosts:
  a: { bmc: { type: ipmi, address: x } }
  b: { bmc: { type: ipmi, address: y, cipher_suite: 3, password_file: /p } }
  c: { bmc: { type: redfish, address: z, user: other, password: q } }
`).map(({ bmc }) => bmc);
    expect(one).toEqual({ type: 'ipmi', address: 'x', user: 'u', password: 'p', port: 6230, cipher_suite: 17 });
    expect(two).toEqual({ type: 'ipmi', address: 'y', user: 'u', password_file: '/p', port: 6230, cipher_suite: 3 });
    expect(three).toEqual({ type: 'redfish', address: 'z', user: 'other', password: 'q' });
  });

  test('of lanplus do not hold with interface lan', () => {
    const [host] = parse(`${defaults}hosts: { a: { bmc: { type: ipmi, address: x, interface: lan } } }`);
    expect(host?.bmc).not.toHaveProperty('cipher_suite');
  });

  test('with a password must not be readable by every user', () => {
    expect(() => parse(`${defaults}hosts: {}`, 0o644)).toThrow('chmod 640');
  });
});

describe('two hosts with one BMC', () => {
  const two = (first: string, second: string) => {
    const bmc = (more: string) => `{ bmc: { user: u, password: p, ${more} } }`;
    return parse(`hosts:\n  a: ${bmc(first)}\n  b: ${bmc(second)}`);
  };

  test.each([
    ['type: ipmi, address: x', 'type: ipmi, address: X, port: 623'],
    ['type: redfish, address: x', 'type: redfish, address: x'],
    ['type: ipmi, address: "fd00::1"', 'type: ipmi, address: "FD00:0::1"'],
    ['type: redfish, address: x, system: "1"', 'type: redfish, address: x'],
    ['type: redfish, address: x, system: "1"', 'type: redfish, address: x, system: "1"'],
  ])('are refused: %s and %s', (first, second) => {
    expect(() => two(first, second)).toThrow(/\/hosts.yaml:3:\d+: "hosts.b.bmc" is the BMC of host a too/);
  });

  test.each([
    ['type: ipmi, address: x, port: 6230', 'type: ipmi, address: x, port: 6231'],
    ['type: redfish, address: x, system: "1"', 'type: redfish, address: x, system: "2"'],
  ])('are two where port or system differ: %s and %s', (first, second) => expect(two(first, second)).toHaveLength(2));
});

describe('an error has the file, line and key, and no value', () => {
  test.each([
    ['hosts:\n  h:\n    adresses: {}', '/hosts.yaml:3:5: unknown key "hosts.h.adresses"; did you mean "addresses"?'],
    [
      'hosts:\n  h:\n    addresses:\n      management: compute-1',
      '/hosts.yaml:4:7: "hosts.h.addresses.management" must be an IPv4 or IPv6 address',
    ],
    ['hosts:\n  h:\n    addresses:\n      management: -f', '"hosts.h.addresses.management" must be an IPv4'],
    ['hosts:\n  "-h": {}', '/hosts.yaml:2:3: "hosts.-h" must be a host name'],
    ['hosts:\n  h:\n    bmc: { type: ipmi, address: b }', '/hosts.yaml:3:5: "hosts.h.bmc.user" is missing'],
    ['hosts:\n  h:\n    bmc: { type: ilo }', '"hosts.h.bmc.type" must have type ipmi or redfish'],
    ['hosts:\n  h:\n    bmc: { type: ipmi, address: b, user: u }', '"hosts.h.bmc" needs either password_file or pass'],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, port: 70000 } } }',
      '"hosts.h.bmc.port" must be a port, 1 to 65535',
    ],
    [
      'hosts: { h: { bmc: { type: redfish, address: b, user: u, password: p, system: ../x } } }',
      '"hosts.h.bmc.system" must be the Id of a system',
    ],
    [
      'hosts: { h: { bmc: { type: redfish, address: b, user: u, password: p, system: .. } } }',
      '"hosts.h.bmc.system" must be the Id of a system',
    ],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, cipher_suite: 0 } } }',
      '"hosts.h.bmc.cipher_suite" must be a cipher suite, 1 to 17',
    ],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, interface: lan, cipher_suite: 3 } } }',
      '"hosts.h.bmc" has cipher_suite or kg_key_file, which only interface lanplus has',
    ],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, privilege: user } } }',
      '"hosts.h.bmc.privilege" must be USER, OPERATOR or ADMINISTRATOR',
    ],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, timeout: soon } } }',
      '"hosts.h.bmc.timeout" must be seconds, 0.1 to 300',
    ],
    [
      'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: p, cipher_suit: 3 } } }',
      'unknown key "hosts.h.bmc.cipher_suit"; did you mean "cipher_suite"?',
    ],
    [
      'hosts: { h: { bmc: { type: redfish, address: b, user: u, password: p, uuid: none } } }',
      '"hosts.h.bmc.uuid" must be the UUID of the system',
    ],
    [
      'hosts: { h: { bmc: { type: redfish, address: "fe80::1%eth0", user: u, password: p } } }',
      'must be an IP address',
    ],
    [
      'bmc_defaults:\n  ipmi: { cipher_suite: 99 }\nhosts: {}',
      '/hosts.yaml:2:11: "bmc_defaults.ipmi.cipher_suite" must be a cipher suite',
    ],
    ['bmc_defaults:\n  ipmi: { adress: b }\nhosts: {}', 'unknown key "bmc_defaults.ipmi.adress"'],
    ['bmc_defaults:\n  ipmi: { address: b }\nhosts: {}', 'unknown key "bmc_defaults.ipmi.address"'],
    ['bmc_defaults: { ilo: {} }\nhosts: {}', 'unknown key "bmc_defaults.ilo"'],
    ['', '/hosts.yaml:1:1: "hosts" is missing'],
    ['- a', '/hosts.yaml:1:1: "hosts" is missing'],
    ['hosts:\n  h: [', '/hosts.yaml:2:7: this is not YAML'],
    ['hosts: *none', 'this is not YAML'],
  ])('%s', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test('a password on the wrong line is in no message', () => {
    const text =
      'hosts:\n  h:\n    bmc:\n      type: ipmi\n      user: -geheim\n      port: geheim\n      address: g heim';
    expect(() => parse(text)).toThrow('port');
    expect(() => parse(text)).not.toThrow(/g.?heim/);
  });
});

describe('the file', () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'inventory-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  }

  test('is read as it is on disk', () => {
    const file = join(folder(), 'hosts.yaml');
    writeFileSync(file, 'hosts:\r\n  h: { bmc: { type: ipmi, address: b, user: u, password: p } }\r\n');
    chmodSync(file, 0o600);
    expect(readInventory(file)).toHaveLength(1);
    chmodSync(file, 0o604);
    expect(() => readInventory(file)).toThrow('chmod 640');
  });

  test('may be missing, except for those who need it', () => {
    const file = join(folder(), 'hosts.yaml');
    expect(readInventory(file)).toBeUndefined();
    expect(() => requireInventory(file, 'ping')).toThrow(`${file} does not exist; ping needs an inventory`);
  });

  test('larger than any sensible one is refused', () => {
    const file = join(folder(), 'hosts.yaml');
    writeFileSync(file, `# ${'x'.repeat(1_100_000)}`);
    expect(() => readInventory(file)).toThrow('larger than');
  });
});
