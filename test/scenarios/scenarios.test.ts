/** Every folder here is one scenario: what the engine does about its events is compared byte by byte with `log.expect`. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CountedLines } from '#agents/scenario/counted-lines.ts';
import type { LogLine } from '#agents/scenario/log.ts';
import { runScenario } from '#agents/scenario/run.ts';
import { readScenario } from '#agents/scenario/scenario.ts';
import { describeEnd, describeLine } from '#agents/scenario/text.ts';
import { loadConfiguration } from '#config/load.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SCENARIOS = readdirSync(HERE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

/** The log of the scenario in this folder. */
async function logOf(folder: string): Promise<string> {
  const { configuration = loadConfiguration({ readFile: () => undefined }), ...files } = readScenario(folder);
  const lines: LogLine[] = [];
  const counts = new CountedLines();
  const onLine =
    files.log === 'counts' ? (line: LogLine) => counts.add(line) : (line: LogLine) => void lines.push(line);
  const result = await runScenario(files, { configuration, onLine });
  return (
    [...lines, ...counts.lines].map((line) => `${describeLine(line)}\n`).join('') +
    `${describeEnd(result, files.log)}\n`
  );
}

describe('the log of the scenario', { timeout: 120_000 }, () => {
  it.each(SCENARIOS)('%s is the expected one', async (name) => {
    await expect(await logOf(join(HERE, name))).toMatchFileSnapshot(join(HERE, name, 'log.expect'));
  });

  it('is compared for all scenarios', () => {
    expect(SCENARIOS.length).toBeGreaterThanOrEqual(80);
  });
});

const CLOUD = 'hosts: {compute-1: , compute-2: }\ninstances: {web: {host: compute-1}}\n';
const EVENTS = '- {at: 1, power_off: compute-1}\n';

/** Runs a scenario of these files, and returns its error without the path of its folder. */
async function errorOf(cloud: string, events: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'recovery-agent-scenario-'));
  try {
    writeFileSync(join(folder, 'cloud.yaml'), cloud);
    writeFileSync(join(folder, 'events.yaml'), events);
    writeFileSync(join(folder, 'recovery-agent.conf'), '');
    const error: unknown = await logOf(folder).then(
      () => new Error('no error'),
      (reason: unknown) => reason,
    );
    return error instanceof Error ? error.message.replace(`${folder}/`, '') : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('an error in a file of a scenario', () => {
  it.each([
    [
      'an unknown key',
      'hosts: {compute-1: {statsu: enabled}}\n',
      EVENTS,
      'cloud.yaml: hosts.compute-1.statsu: unknown key',
    ],
    ['a missing key', 'hosts: {}\ninstances: {web: {}}\n', EVENTS, 'cloud.yaml: instances.web.host: missing'],
    [
      'an unknown host',
      'hosts: {}\ninstances: {web: {host: c9}}\n',
      EVENTS,
      'cloud.yaml: instances.web.host: there is no host c9',
    ],
    [
      'a wrong value',
      CLOUD,
      '- {at: 1, cloud: gone}\n',
      'events.yaml: entry 1.cloud: expected ("away" | "back"), found "gone"',
    ],
    [
      'two events in one entry',
      CLOUD,
      '- {at: 1, cloud: away, power_off: compute-1}\n',
      'events.yaml: entry 1: expected exactly one of',
    ],
    [
      'an unknown instance',
      CLOUD,
      '- {at: 1, report: {type: VM, hostname: compute-1, event: LIFECYCLE, instance: db}}\n',
      'events.yaml: entry 1: there is no instance db',
    ],
    [
      'an unknown host of an event',
      CLOUD,
      '- {at: 1, host: {name: c9, status: enabled}}\n',
      'events.yaml: entry 1: there is no host c9',
    ],
    [
      'an unknown object of a call',
      CLOUD,
      '- {when: evacuate, refuse: {call: evacuate, object: db, error: refused}}\n',
      'events.yaml: entry 1: there is no instance and no host db',
    ],
    ['an unknown cell', CLOUD, '- {at: 1, cell_down: cell9}\n', 'events.yaml: entry 1: there is no cell cell9'],
    ['neither a time nor a line', CLOUD, '- {power_off: compute-1}\n', 'events.yaml: entry 1.at: missing'],
    [
      'a report that is no notification',
      CLOUD,
      '- {at: 1, report: {hostname: compute-1, event: GONE}}\n',
      'events.yaml: entry 1: notification.payload.event must be STARTED or STOPPED',
    ],
    ['no YAML', CLOUD, '- {at: 1\n', 'events.yaml: '],
  ])('is reported with the file and the path: %s', async (_, cloud, events, message) => {
    expect(await errorOf(cloud, events)).toContain(message);
  });
});

describe('a scenario in one file', () => {
  async function errorOfFile(text: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'recovery-agent-scenario-'));
    try {
      writeFileSync(join(folder, 'scenario.yaml'), text);
      readScenario(folder);
      return 'no error';
    } catch (error) {
      return error instanceof Error ? error.message.replaceAll(`${folder}/`, '') : String(error);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it.each([
    ['cloud: {hosts: {c1: }}\n', 'scenario.yaml: events: missing'],
    ['events: [{at: 1, cloud: away}]\n', 'scenario.yaml: cloud: missing'],
    ['base: nowhere\n', 'scenario.yaml: base: there is no scenario in nowhere'],
    [
      'cloud: {hosts: {"c[1-2]": }, instances: {web: {host: c3}}}\nevents: [{at: 1, power_off: c1}]\n',
      'scenario.yaml: cloud.instances.web.host: there is no host c3',
    ],
    [
      'cloud: {hosts: {c1: }}\nevents: [{at: 1, power_off: c2}]\n',
      'scenario.yaml: events.entry 1: there is no host c2',
    ],
    ['cloud: {hosts: {"c[1-2]": }}\nevents: [{at: 1, power_off: "c[1-2]"}]\n', 'no error'],
  ])('reports an error with the file and the path: %s', async (text, message) => {
    expect(await errorOfFile(text)).toBe(message);
  });
});
