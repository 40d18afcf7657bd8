/**
 * `node test/bench/monitors.ts [SECONDS] [PROGRAM]`: what monitors cost while nothing fails, ours (all four in one process) and those
 * of masakari-monitors (a process each), side by side at the same things, with the intervals that each has by default. As root, on
 * Debian 12, on an otherwise quiet machine; needs dist/recovery-agent (`npm run build`). At the end a process and an instance are
 * killed: costs count only of monitors that see it.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { installDebianPackages } from '../labs/debian_packages.ts';
import { PACKAGES as LIBVIRT_PACKAGES } from '../labs/libvirt/install.ts';
import { type Cost, costOf, type Reading, readingOf, sumOf } from './monitoring/cost.ts';
import { Masakari, PACKAGES } from './monitoring/masakari.ts';
import { Ours } from './monitoring/ours.ts';
import { timesQueried, writeTools } from './monitoring/pacemaker-tools.ts';
import { proveThatAllWatch } from './monitoring/proof.ts';
import { PROCESSES, WatchedHost, WITH_AGENT, WITHOUT_AGENT } from './monitoring/watched-host.ts';

/** Two rounds of the host monitors, which poll every 60 s. */
const SECONDS = Number(process.argv[2] ?? 120);
const PROGRAM = resolve(process.argv[3] ?? fileURLToPath(new URL('../../dist/recovery-agent', import.meta.url)));
const SETTLE_SECONDS = 45;
const READINGS = 12;

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

type Subject = { readonly name: string; readonly pid: number };

async function measure(subjects: readonly Subject[]): Promise<readonly Cost[]> {
  const readings = subjects.map((): Reading[] => []);
  const began = performance.now();
  for (let n = 0; n <= READINGS; n += 1) {
    const dueMs = began + (n * SECONDS * 1000) / READINGS;
    await delay(Math.max(0, dueMs - performance.now()), undefined, { signal: ended.signal });
    for (const [index, { name, pid }] of subjects.entries()) {
      // There is nothing to compare without it.
      if (!existsSync(`/proc/${pid}/smaps_rollup`)) throw new Error(`${name}, process ${pid}, has ended`);
      readings[index]?.push(readingOf(pid));
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return readings.map((ofOne) => costOf(ofOne, seconds));
}

function rowOf(name: string, cost: Cost): string[] {
  const { rssMib, pssMib, anonymousMib, cpuPercent, cpuWithProgramsPercent, wakeUpsPerSecond } = cost;
  const memory = [rssMib, pssMib, anonymousMib].map((mib) => mib.toFixed(1));
  return [name, ...memory, cpuPercent.toFixed(2), cpuWithProgramsPercent.toFixed(2), wakeUpsPerSecond.toFixed(1)];
}

function ratioRow(name: string, theirs: Cost, ours: Cost): string[] {
  const ratios = (Object.keys(ours) as (keyof Cost)[]).map((key) => (theirs[key] / ours[key]).toFixed(2));
  return [name, ...ratios];
}

function printTable(subjects: readonly Subject[], costs: readonly Cost[]): void {
  const head = ['', 'RSS MiB', 'PSS MiB', 'no file MiB', 'CPU %', 'with programs %', 'wake-ups/s'];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ['left', ...Array<'right'>(6).fill('right')],
  });
  const rows = subjects.map(({ name }, index) => ({ name, cost: costs[index] ?? sumOf([]) }));
  const [ours, ...theirs] = rows;
  if (ours === undefined) throw new Error('nothing was measured');
  // Most operators run three: the introspective one is optional.
  const usual = theirs.findIndex(({ name }) => name.includes('introspective'));
  const three = sumOf(theirs.slice(0, usual).map(({ cost }) => cost));
  const four = sumOf(theirs.map(({ cost }) => cost));
  for (const { name, cost } of rows) table.push(rowOf(name, cost));
  table.push(rowOf('masakari: host, process, instance', three), rowOf('masakari: all four', four));
  table.push(
    ratioRow('three of theirs / all of ours', three, ours.cost),
    ratioRow('four of theirs / all of ours', four, ours.cost),
  );
  process.stdout.write(`${table.toString()}\n`);
}

if (process.getuid?.() !== 0) throw new Error('this bench makes namespaces and runs guests: run it as root');
if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there; npm run build makes it`);
await installDebianPackages('monitors bench', [...LIBVIRT_PACKAGES, ...PACKAGES]);

const folder = mkdtempSync(join(tmpdir(), 'recovery-agent-bench-'));
const tools = { ours: join(folder, 'tools-ours'), masakari: join(folder, 'tools-masakari') };
for (const place of Object.values(tools)) {
  mkdirSync(place);
  writeTools(place);
}
let host: WatchedHost | undefined;
let ours: Ours | undefined;
let masakari: Masakari | undefined;
try {
  host = await WatchedHost.start(folder);
  ours = new Ours(PROGRAM, join(folder, 'ours'), tools.ours, host);
  const libvirtUri = `qemu+unix:///system?socket=${host.lab.directory}/libvirt-sock`;
  masakari = new Masakari(join(folder, 'masakari'), tools.masakari, { processList: host.processList, libvirtUri });
  await masakari.untilReady(ended.signal);
  await delay(SETTLE_SECONDS * 1000, undefined, { signal: ended.signal });
  const before = { ours: timesQueried(tools.ours), masakari: timesQueried(tools.masakari) };
  const subjects = [ours.process, ...masakari.processes].map(({ name, pid }) => ({ name, pid }));
  const costs = await measure(subjects);
  const requested = {
    ours: timesQueried(tools.ours) - before.ours,
    masakari: timesQueried(tools.masakari) - before.masakari,
  };
  await proveThatAllWatch(host, ours, masakari, ended.signal);
  process.stdout.write(
    `${SECONDS} s after ${SETTLE_SECONDS} s of rest: ${PROCESSES} processes, ${WITH_AGENT} instances with a responding agent, ${WITHOUT_AGENT} without; load ${loadavg()[0]?.toFixed(1)}\n`,
  );
  printTable(subjects, costs);
  const broken = masakari.logOf('introspectiveinstancemonitor').includes("'NoneType' object is not callable");
  process.stdout.write(
    `Memory: mean of ${READINGS + 1} readings; PSS counts what is shared in equal shares, "no file" is what no file backs. CPU: of one core, by
itself and together with the programs it ran (ps, crm_mon …). Wake-ups: voluntary context switches of all threads.
Intervals are the defaults of each side: hosts 60 s, processes 5 s (and ours each second whether they live), guests 10 s.
Pacemaker is stand-ins that print a captured cluster, the same for both: ours ran them ${requested.ours} times, masakari ${requested.masakari} times.
Neither side has a destination for its reports. Both saw a process and an instance die at the end.
${broken ? 'The introspective monitor of this package queries no guest: it fails at each poll (map(None, …) of Python 2).\n' : ''}`,
  );
} finally {
  const monitors = await Promise.allSettled([ours?.stop(), masakari?.stop()]);
  const stops = [...monitors, ...(await Promise.allSettled([host?.stop()]))];
  rmSync(folder, { recursive: true, force: true });
  for (const stop of stops) if (stop.status === 'rejected') process.stderr.write(`${String(stop.reason)}\n`);
}
