/** The built executable as a resource agent under every fault, and what the real scheduler does with each code. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installPackages } from '../install.ts';
import { ACTIONS, type ActionName, STATES } from './fault.ts';
import { FAULTS } from './faults/all.ts';
import { differences, type Measurement, measure } from './measurement.ts';
import { type Reaction, reactionsTo } from './reaction.ts';
import { Scheduler } from './scheduler.ts';
import { document } from './table.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const PAGE = join(ROOT, 'docs/reference/resource-agent-table.md');

const ROWS = FAULTS.flatMap((fault) =>
  STATES.filter((state) => fault[state] !== undefined).map((state) => ({
    title: `${fault.group}: ${fault.name} (engine ${state})`,
    fault,
    state,
  })),
);

let directory: string;
let executable: string;
const measured = new Map<string, Measurement>();

beforeAll(async () => {
  await installPackages();
  execFileSync(process.execPath, [join(ROOT, 'packaging/executable/build.ts')], { stdio: 'ignore' });
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-faults-'));
  executable = join(directory, 'recovery-agent');
  // Other files of the lane build it again.
  copyFileSync(join(ROOT, 'dist/recovery-agent'), executable);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the resource agent', () => {
  it.concurrent.for(ROWS)('$title', async ({ title, fault, state }, { expect }) => {
    const measurement = await measure(executable, fault, state);
    measured.set(title, measurement);
    expect(differences(measurement), measurement.transcript).toEqual([]);
  });
});

function measurements(): readonly Measurement[] {
  return ROWS.flatMap(({ title }) => measured.get(title) ?? []);
}

/** Each pair of action and code once, in order. */
function pairs(): readonly (readonly [ActionName, number])[] {
  return ACTIONS.flatMap((action) =>
    [...new Set(measurements().flatMap(({ codes }) => codes[action] ?? []))]
      .toSorted((a, b) => a - b)
      .map((code) => [action, code] as const),
  );
}

describe('the scheduler', () => {
  let reactions: readonly Reaction[] = [];

  beforeAll(async () => {
    reactions = await reactionsTo(await Scheduler.prepare(directory), pairs());
  });

  it('fences a node after a stop that failed, and never otherwise', () => {
    const fencing = reactions.filter(({ outcome }) => outcome.fenced.length > 0);
    const summaries = fencing.map(({ action, code, summary }) => `${action} ${code}\n${summary}`).join('\n');
    // A table that finds no fencing at all would prove nothing.
    expect(fencing.some(({ action }) => action === 'stop')).toBe(true);
    expect(
      fencing.filter(({ action, code }) => action !== 'stop' || code === 0),
      summaries,
    ).toEqual([]);
  });

  it('never gets a failed stop where the engine could be ended', () => {
    const wrong = measurements().filter(({ codes, couldNotStop }) => codes.stop !== 0 && !couldNotStop);
    expect(wrong.map(({ fault, transcript }) => `${fault.name}\n${transcript}`)).toEqual([]);
  });

  it('tries another node after a fault of one node, and none after a fault of the configuration', () => {
    for (const { action, code, where, outcome, summary } of reactions) {
      if (action !== 'start' || code === 0) continue;
      const wanted = where === 'home' && code !== 6 ? 'on another node' : 'nowhere';
      expect([code, where, outcome.runsOn], summary).toEqual([code, where, wanted]);
    }
  });

  it('runs the resource for any result of the probes of other nodes', () => {
    for (const { action, code, outcome, summary } of reactions) {
      if (action === 'probe') expect([code, outcome.runsOn], summary).not.toEqual([code, 'nowhere']);
    }
  });

  it('reacts as docs/reference/resource-agent-table.md shows', async () => {
    expect(measurements().length).toBe(ROWS.length);
    await expect(document(measurements(), reactions)).toMatchFileSnapshot(PAGE);
  });
});
