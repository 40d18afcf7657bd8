/**
 * `node test/bench/monitors.ts [SECONDS] [PROGRAM]`: what monitors cost while nothing fails, ours (all four in one process) and those
 * of masakari-monitors (a process each), side by side at the same things, with the intervals that each has by default. As root, on
 * Debian 12, on an otherwise quiet machine; needs dist/recovery-agent (`npm run build`). At the end a process and an instance are
 * killed: costs count only of monitors that see it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { installDebianPackages } from '../labs/debian_packages.ts';
import { domainUuid } from '../labs/libvirt/domain.ts';
import { PACKAGES as LIBVIRT_PACKAGES } from '../labs/libvirt/install.ts';
import { waitUntil } from '../labs/waiting.ts';
import { type Cost, costOf, type Look, lookAt, sumOf } from './monitoring/cost.ts';
import { Masakari, PACKAGES } from './monitoring/masakari.ts';
import { timesAsked, writeTools } from './monitoring/pacemaker-tools.ts';
import { Started } from './monitoring/started.ts';
import { PROCESSES, WatchedHost, WITH_AGENT, WITHOUT_AGENT } from './monitoring/watched-host.ts';

/** Two rounds of the host monitors, which look each 60 s. */
const SECONDS = Number(process.argv[2] ?? 120);
const PROGRAM = resolve(process.argv[3] ?? fileURLToPath(new URL('../../dist/recovery-agent', import.meta.url)));
const SETTLE_SECONDS = 45;
const LOOKS = 12;

const OURS = 'recovery-agent monitor (all four)';
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

function startOurs(folder: string, tools: string, { lab, processList }: WatchedHost): Started {
  mkdirSync(folder);
  const config = join(folder, 'recovery-agent.conf');
  // Nothing but places: intervals are left at their defaults.
  writeFileSync(
    config,
    `[engine]
socket = ${folder}/engine.sock
[monitors]
run = host, process, instance, guest
outbox = ${folder}/outbox
[host]
state_file = ${folder}/host.json
alert_socket = ${folder}/alert.sock
[process]
process_list_path = ${processList}
state_file = ${folder}/process.json
pause_file = ${folder}/pause
[libvirt]
socket = ${lab.socket}
state_file = ${folder}/instances.json
qemu_log_directory = ${lab.qemuLogDirectory}
[introspectiveinstancemonitor]
libvirt_socket = ${lab.directory}/libvirt-sock
`,
  );
  return new Started({ name: 'recovery-agent', argv: [PROGRAM, 'monitor', '--config', config], tools, folder });
}

type Subject = { readonly name: string; readonly pid: number };

async function measure(subjects: readonly Subject[]): Promise<readonly Cost[]> {
  const looks = subjects.map((): Look[] => []);
  const began = performance.now();
  for (let n = 0; n <= LOOKS; n += 1) {
    const dueMs = began + (n * SECONDS * 1000) / LOOKS;
    await delay(Math.max(0, dueMs - performance.now()), undefined, { signal: ended.signal });
    for (const [index, { pid }] of subjects.entries()) looks[index]?.push(lookAt(pid));
  }
  const seconds = (performance.now() - began) / 1000;
  return looks.map((ofOne) => costOf(ofOne, seconds));
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
  const ours = rows.filter(({ name }) => name === OURS);
  const theirs = rows.filter(({ name }) => name !== OURS);
  // Without the introspective one and its daemon: what most operators run.
  const last = theirs.findIndex(({ name }) => name.includes('introspective'));
  const three = sumOf(theirs.slice(0, last).map(({ cost }) => cost));
  const four = sumOf(theirs.map(({ cost }) => cost));
  const one = sumOf(ours.map(({ cost }) => cost));
  for (const { name, cost } of rows) table.push(rowOf(name, cost));
  table.push(rowOf('masakari: host, process, instance', three), rowOf('masakari: all four', four));
  table.push(
    ratioRow('three of theirs / all of ours', three, one),
    ratioRow('four of theirs / all of ours', four, one),
  );
  process.stdout.write(`${table.toString()}\n`);
}

/** Kills a process and an instance, and waits until both sides have said so. */
async function proveThatAllWatch(host: WatchedHost, ours: Started, masakari: Masakari, outbox: string): Promise<void> {
  const failed = await host.fail();
  const uuid = domainUuid(failed.instance);
  const reports = () => readdirSync(outbox, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const signs: Readonly<Record<string, () => boolean>> = {
    'ours the death of a process': () => /process has died/.test(ours.log) && ours.log.includes(failed.process),
    'ours the death of an instance': () =>
      reports().some(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8').includes(uuid)),
    'masakari the death of a process': () =>
      masakari.logOf('processmonitor').includes(`Process '${failed.process}' is not found`),
    'masakari the death of an instance': () => masakari.logOf('instancemonitor').includes(uuid),
  };
  for (const [what, seen] of Object.entries(signs)) {
    await waitUntil({ what: `to be seen: by ${what}`, seconds: 60, signal: ended.signal }, () => seen() || undefined);
  }
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
let ours: Started | undefined;
let masakari: Masakari | undefined;
try {
  host = await WatchedHost.start(folder);
  ours = startOurs(join(folder, 'ours'), tools.ours, host);
  const libvirtUri = `qemu+unix:///system?socket=${host.lab.directory}/libvirt-sock`;
  masakari = new Masakari(join(folder, 'masakari'), tools.masakari, { processList: host.processList, libvirtUri });
  await delay(SETTLE_SECONDS * 1000, undefined, { signal: ended.signal });
  const before = { ours: timesAsked(tools.ours), masakari: timesAsked(tools.masakari) };
  const subjects = [{ name: OURS, pid: ours.pid }, ...masakari.processes];
  const costs = await measure(subjects);
  const asked = {
    ours: timesAsked(tools.ours) - before.ours,
    masakari: timesAsked(tools.masakari) - before.masakari,
  };
  await proveThatAllWatch(host, ours, masakari, join(folder, 'ours', 'outbox'));
  process.stdout.write(
    `${SECONDS} s after ${SETTLE_SECONDS} s of rest: ${PROCESSES} processes, ${WITH_AGENT} instances with an agent that answers, ${WITHOUT_AGENT} without; load ${loadavg()[0]?.toFixed(1)}\n`,
  );
  printTable(subjects, costs);
  const broken = masakari.logOf('introspectiveinstancemonitor').includes("'NoneType' object is not callable");
  process.stdout.write(
    `Memory: mean of ${LOOKS + 1} looks; PSS counts what is shared in equal shares, "no file" is what no file backs. CPU: of one core, by
itself and together with the programs it ran (ps, crm_mon …). Wake-ups: voluntary context switches of all threads.
Intervals are the defaults of each side: hosts 60 s, processes 5 s (and ours each second whether they live), guests 10 s.
Pacemaker is stand-ins that print a captured cluster, the same for both: ours asked ${asked.ours} times, masakari ${asked.masakari} times.
Neither side has anybody to report to. Both saw a process and an instance die at the end.
${broken ? 'The introspective monitor of this package asks no guest: it fails at each look (map(None, …) of Python 2).\n' : ''}`,
  );
} finally {
  const stops = await Promise.allSettled([ours?.stop(), masakari?.stop()]);
  await host?.stop();
  rmSync(folder, { recursive: true, force: true });
  for (const stop of stops) if (stop.status === 'rejected') process.stderr.write(`${String(stop.reason)}\n`);
}
