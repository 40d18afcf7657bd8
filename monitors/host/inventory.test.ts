import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseInventory, readInventory, requireInventory } from './inventory.ts';

const parse = (text: string, mode = 0o640) => parseInventory('/hosts.yaml', text, mode);

describe('an inventory', () => {
  test('gives addresses, board and Consul name of each host', () => {
    const hosts = parse(`
hosts:
  compute-1:
    addresses: { management: 10.0.0.11, storage: "fd00::11" }
    bmc: &board
      type: ipmi
      address: 10.9.0.11
      user: recovery
      password_file: /etc/recovery-agent/bmc.password
    consul: compute-1.example
  compute-2:
    bmc: { <<: *board, address: board-2, port: 6230 }
  compute-3: {}
`);
    const board = { type: 'ipmi', user: 'recovery', password_file: '/etc/recovery-agent/bmc.password' };
    expect(hosts).toEqual([
      {
        name: 'compute-1',
        addresses: { management: '10.0.0.11', storage: 'fd00::11' },
        bmc: { ...board, address: '10.9.0.11' },
        consul: 'compute-1.example',
      },
      { name: 'compute-2', addresses: {}, bmc: { ...board, address: 'board-2', port: 6230 }, consul: undefined },
      { name: 'compute-3', addresses: {}, bmc: undefined, consul: undefined },
    ]);
  });

  test('keeps a password of digits as it was written', () => {
    const [host] = parse('hosts: { h: { bmc: { type: redfish, address: b, user: u, password: 0123 } } }');
    expect(host?.bmc?.password).toBe('0123');
  });

  test('with a password in it must not be open to everybody', () => {
    const inline = 'hosts: { h: { bmc: { type: ipmi, address: b, user: u, password: geheim } } }';
    expect(() => parse(inline, 0o644)).toThrow('every user of this machine has access; chmod 640 /hosts.yaml');
    expect(() => parse(inline, 0o644)).not.toThrow('geheim');
    expect(parse('hosts: { h: {} }', 0o644)).toHaveLength(1);
  });
});

describe('what is wrong is told with file, line and key, and without any value', () => {
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
