/** The example proof docs/examples/proofs/fence_agent.py with the fence agent fence_ipmilan, which switches a simulated BMC. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfiguration } from '#config/load.ts';
import { readCustomTask } from '#config/pipelines/custom-tasks.ts';
import { proofRunner } from '#engine/task-drivers/proof-program.ts';
import { installPackages } from './install.ts';
import { BmcSimulator, PASSWORD, USER } from './simulator.ts';

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/proofs/fence_agent.py', import.meta.url));

beforeAll(installPackages);

/** What the proof shows, run as an engine runs it. @param more further lines of its section */
async function prove(bmc: BmcSimulator, more = ''): Promise<string> {
  const program = join(bmc.folder, 'fence_agent.py');
  copyFileSync(EXAMPLE, program);
  writeFileSync(join(bmc.folder, 'bmc.secret'), `${PASSWORD}\n`, { mode: 0o600 });
  const text = `[proof ipmi]
kind = power_off
command = ${program} /usr/sbin/fence_ipmilan {{host_name}}
ip = 127.0.0.1
ipport = ${bmc.port}
username = ${USER}
password = file:${join(bmc.folder, 'bmc.secret')}
lanplus = 1
cipher = 3
power_wait = 0
${more}`;
  const file = join(bmc.folder, 'recovery-agent.conf');
  const { proofs } = loadConfiguration({
    mainFile: file,
    definitions: { files: [], read: readCustomTask },
    readFile: (path) => (path === file ? { bytes: Buffer.from(text), mode: 0o600 } : undefined),
  });
  const ipmi = proofs.get('ipmi');
  if (ipmi === undefined) throw new Error('the configuration has no proof ipmi');
  const logged: string[] = [];
  const guard = { confirm: async () => {}, isFresh: () => true };
  const run = proofRunner({ log: (level, message) => logged.push(`${level} ${message}`), guard });
  const signal = AbortSignal.timeout(120_000);
  const { state, detail } = await run({ name: 'ipmi', program: ipmi, host: 'c1', uuid: 'u', attempt: 1, signal });
  expect(logged.join('\n')).not.toContain(PASSWORD);
  return `${state}: ${detail}`;
}

const powerOf = (bmc: BmcSimulator): string => readFileSync(join(bmc.folder, 'power'), 'utf8').trim();

describe('fence_ipmilan as a proof of death', () => {
  test('switches the host off and shows it dead, once and again', async () => {
    await using bmc = await BmcSimulator.start();
    for (const _ of ['on', 'off']) {
      expect(await prove(bmc, 'acts = true\n')).toBe('dead: /usr/sbin/fence_ipmilan reads that c1 is off');
      expect(powerOf(bmc)).toBe('power:0');
    }
  });

  test('only reads the power if it may not act', async () => {
    await using bmc = await BmcSimulator.start();
    expect(await prove(bmc, 'status_only = 1\n')).toBe('alive: /usr/sbin/fence_ipmilan reads that c1 is on');
    bmc.setPower('off');
    expect(await prove(bmc, 'status_only = 1\n')).toBe('dead: /usr/sbin/fence_ipmilan reads that c1 is off');
  });

  test('shows nothing if the BMC does not know', async () => {
    await using bmc = await BmcSimulator.start();
    bmc.setPower('broken');
    expect(await prove(bmc, 'status_only = 1\n')).toMatch(/^unknown: .* could not read the power of c1/);
  });
});
