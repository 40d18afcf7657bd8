import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type SourcePlace, sourcePlace } from '#test/world/source-place.ts';
import { kgKeyOf, powerIn } from './ipmitool.ts';
import { createIpmiSource } from './source.ts';

const SECRET = 'geheim-$(id)-"quoted"';

/** Records its arguments, then behaves as the name of the BMC requires. */
const STAND_IN = `#!/bin/sh
folder=$(dirname "$0")
printf '%s\\n' "$*" >> "$folder/argv"
printf '%s' "$IPMI_PASSWORD" > "$folder/password"
env > "$folder/environment"
case "$*" in
*bmc-off*) echo 'Chassis Power is off' ;;
*bmc-on*) echo 'Chassis Power is on' ;;
*bmc-both*) printf 'Chassis Power is off\\nChassis Power is on\\n' ;;
*bmc-failing*) echo 'Chassis Power is off'; echo "Error: $IPMI_PASSWORD is wrong" >&2; exit 1 ;;
*bmc-many*)
  echo 'Error in open session response message : invalid authentication algorithm' >&2
  echo 'Error: Unable to establish IPMI v2 / RMCP+ session' >&2
  exit 1 ;;
*bmc-flood*) i=0; while [ $i -lt 200 ]; do echo 'Unable to establish a session, line after line' >&2; i=$((i+1)); done; exit 1 ;;
*bmc-slow*) echo $$ > "$folder/pid"; exec sleep 600 ;;
*bmc-loud*) while :; do echo 'Chassis Power is off and on and off and on'; done ;;
*bmc-late*)
  if [ -e "$folder/once" ]; then echo 'Chassis Power is off'; else : > "$folder/once"; exit 1; fi ;;
esac
`;

function place(bmcs: readonly string[], change = {}): SourcePlace {
  const hosts = bmcs.map(
    (name) =>
      `  ${name}: { bmc: { type: ipmi, address: bmc-${name}, user: recovery, password_file: FOLDER/password-file } }`,
  );
  const made = sourcePlace(`hosts:\n${hosts.join('\n')}\n`, {
    ipmiRetryMax: 0,
    ipmiRetryIntervalMs: 0,
    ipmiTimeoutMs: 20_000,
    ...change,
  });
  made.write('password-file', `${SECRET}\n`);
  const ipmitool = made.write('ipmitool', STAND_IN, 0o755);
  return { ...made, options: { ...made.options, hostSources: { ...made.options.hostSources, ipmitool } } };
}

async function poll({ options }: SourcePlace) {
  const source = await createIpmiSource(options, 'controller-1');
  const facts = await source.poll(AbortSignal.timeout(25_000));
  return Object.fromEntries(facts.map(({ host, state, proof, detail }) => [host, [state, proof, detail]]));
}

describe('IPMI', () => {
  test('power off is a proof, power on is no state of the host', async () => {
    expect(await poll(place(['off', 'on']))).toEqual({
      off: ['down', 'power off', 'powered off'],
      on: ['unknown', undefined, 'powered on'],
    });
  });

  test('an invalid output, or one of a program that failed, proves nothing', async () => {
    const facts = await poll(place(['on', 'both', 'failing', 'silent']));
    for (const host of ['both', 'failing', 'silent']) expect(facts[host]).toMatchObject(['unknown', undefined, /./]);
    expect(facts.both?.[2]).toContain('does not report whether the power is on or off');
  });

  test('the password is only in the environment of the program: not in its arguments, not in messages', async () => {
    const made = place(['on', 'failing']);
    const facts = await poll(made);
    const read = (name: string) => readFileSync(join(made.folder, name), 'utf8');
    expect(read('password')).toBe(SECRET);
    expect(read('argv')).toContain('-I lanplus -H bmc-on -U recovery -E chassis power status\n');
    expect(read('argv')).not.toContain('geheim');
    expect(JSON.stringify(facts)).not.toContain('geheim');
    expect(JSON.stringify(facts)).toContain('is wrong');
    const names = read('environment')
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.filter((name) => !/^(PATH|LC_ALL|IPMI_PASSWORD|PWD|SHLVL|OLDPWD|_|)$/.test(name ?? ''))).toEqual([]);
  });

  test('a BMC that does not respond in time, and one that does not stop, time out', async () => {
    const facts = await poll(place(['on', 'slow', 'loud'], { ipmiTimeoutMs: 3_000 }));
    expect(facts.slow).toEqual([
      'unknown',
      undefined,
      expect.stringMatching(/^timed out after 3 s; .*set cipher_suite/),
    ]);
    expect(facts.loud?.slice(0, 2)).toEqual(['unknown', undefined]);
  });

  test('a failed request is retried as often as the options allow', async () => {
    expect(await poll(place(['late'], { ipmiRetryMax: 1 }))).toMatchObject({ late: ['down', 'power off', /./] });
    const made = place(['on', 'failing'], { ipmiRetryMax: 2 });
    await poll(made);
    const requested = readFileSync(join(made.folder, 'argv'), 'utf8').split('\n');
    expect(requested.filter((line) => line.includes('bmc-failing'))).toHaveLength(3);
  });

  test('every line of ipmitool reaches the reason, within bounds', async () => {
    const facts = await poll(place(['on', 'many', 'flood']));
    expect(facts.many?.[2]).toMatch(
      /ipmitool failed \(exit code 1\): Error in open .* algorithm; Error: Unable to establish IPMI v2 \/ RMCP\+ session$/,
    );
    expect(facts.flood?.[2]?.length).toBeGreaterThan(2000);
    expect(facts.flood?.[2]?.length).toBeLessThan(2400);
  });

  test('if no BMC responds, each is listed with its reason', async () => {
    await expect(poll(place(['many', 'silent']))).rejects.toThrow(
      /many: .*invalid authentication.* \| silent: .*no output/,
    );
  });

  test('options of a BMC, and defaults of all, reach ipmitool; the Kg key is in the environment', async () => {
    const made = place(['on']);
    made.write('kg', 'kg-key\n');
    const inventory = made.write(
      'options.yaml',
      `bmc_defaults: { ipmi: { user: all, password_file: ${made.folder}/password-file, cipher_suite: 17, retries: 0 } }
hosts:
  a: { bmc: { type: ipmi, address: bmc-on, port: 6230, kg_key_file: ${made.folder}/kg, privilege: USER, cipher_suite: 3 } }
`,
    );
    const options = { ...made.options, hostSources: { ...made.options.hostSources, inventory } };
    expect(await poll({ ...made, options })).toMatchObject({ a: ['unknown', undefined, 'powered on'] });
    const read = (name: string) => readFileSync(join(made.folder, name), 'utf8');
    expect(read('argv')).toBe('-I lanplus -H bmc-on -U all -E -p 6230 -L USER -C 3 -K chassis power status\n');
    expect(read('environment')).toContain('IPMI_KGKEY=kg-key\n');
  });

  test.each([
    ['k', 'k'],
    ['0x6b6579', 'key'],
  ])('the Kg key %s is %s', (written, key) => expect(kgKeyOf(written, '/kg')).toBe(key));

  test.each([
    ['x'.repeat(21), 'longer than 20 bytes'],
    ['0x00ff', 'beyond ASCII'],
    ['schlüssel', 'beyond ASCII'],
  ])('the Kg key %s is refused', (written, reason) => expect(() => kgKeyOf(written, '/kg')).toThrow(reason));

  test('if no BMC responds the poll fails; a missing program is reported', async () => {
    await expect(poll(place(['failing', 'silent']))).rejects.toThrow('none of 2 BMCs responds over ipmi');
    const missing = place(['on'], {});
    const hostSources = { ...missing.options.hostSources, ipmitool: '/nowhere/ipmitool' };
    await expect(poll({ ...missing, options: { ...missing.options, hostSources } })).rejects.toThrow(
      '/nowhere/ipmitool does not exist; install ipmitool',
    );
  });

  test('an aborted poll ends at once and leaves no program behind', async () => {
    const made = place(['slow'], { ipmiTimeoutMs: 300_000 });
    const source = await createIpmiSource(made.options, 'controller-1');
    const end = new AbortController();
    const reading = source.poll(end.signal);
    const pid = await vi.waitFor(() => {
      const number = Number(readFileSync(join(made.folder, 'pid'), 'utf8'));
      expect(number).toBeGreaterThan(0);
      return number;
    }, 20_000);
    end.abort();
    await expect(reading).rejects.toThrow();
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 20_000);
  });

  test('a password file that every user can read is not used', async () => {
    const made = place(['on']);
    made.write('open', 'x', 0o644);
    const inventory = made.write(
      'open.yaml',
      `hosts: { h: { bmc: { type: ipmi, address: bmc-on, user: u, password_file: ${made.folder}/open } } }`,
    );
    const options = { ...made.options, hostSources: { ...made.options.hostSources, inventory } };
    await expect(poll({ ...made, options })).rejects.toThrow('is open to every user of this machine: chmod 640');
  });

  test('without a BMC there is no source', async () => {
    const { options } = sourcePlace('hosts: { h: {} }');
    await expect(createIpmiSource(options, 'n')).rejects.toThrow('has no host with a bmc of type ipmi');
  });

  test.each([
    ['Chassis Power is off\n', 'off'],
    ['Chassis Power is on\n', 'on'],
    ['warning\nChassis Power is off\n', 'off'],
    ['Chassis Power is official\n', undefined],
    ['Chassis Power Control: Down/Off\n', undefined],
    ['', undefined],
  ])('reads %j as %s', (output, expected) => expect(powerIn(output)).toBe(expected));
});
