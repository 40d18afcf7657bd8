/**
 * `node test/bench/processes.ts`: what watching 20 processes costs while nothing happens, against a `ps -ef` each 5 s for
 * each of them as masakari-monitors does, in the same run; and how soon a kill -9 is known: for processes with a control
 * group of their own, as under systemd, and for processes without one. Run it on an otherwise quiet machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Table from 'cli-table3';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import { cgroupMount } from '#monitors/process/cgroup.ts';
import { create } from '#monitors/process/monitor.ts';

const PROCESSES = 20;
const IDLE_MS = Number(process.argv[2] ?? 20) * 1000;
const MASAKARI_INTERVAL_MS = 5000;
/** Of sysconf(_SC_CLK_TCK): the unit of times in /proc/PID/stat. */
const TICK_MS = 10;

const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-bench-'));
const mount = cgroupMount();
const groups: string[] = [];
const deaths = new Map<string, number>();

/** CPU of this process and of the children it has waited for, milliseconds; fields 14 to 17 of /proc/self/stat. */
function cpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15);
  // Its own time in microseconds; ticks are too coarse for it.
  const { user, system } = process.cpuUsage();
  const ofChildren = (Number(fields[2]) + Number(fields[3])) * TICK_MS;
  return (user + system) / 1000 + ofChildren;
}

function start(name: string): ChildProcess {
  return spawn('sh', ['-c', 'read line', name], { stdio: ['pipe', 'ignore', 'ignore'] });
}

/** Puts a process into a control group of its own, as systemd does with a service. */
function alone({ pid }: ChildProcess, name: string): void {
  if (mount === undefined) throw new Error('no cgroup v2 is mounted here');
  const group = join(mount, `recovery-agent-bench-${process.pid}-${name}`);
  mkdirSync(group);
  groups.push(group);
  writeFileSync(join(group, 'cgroup.procs'), String(pid));
}

async function watching(names: readonly string[], work: () => Promise<void>): Promise<void> {
  const list = names.map((name) => ({
    process_name: name,
    restart_command: 'true',
    run_as_root: process.getuid?.() === 0,
  }));
  writeFileSync(join(directory, 'list.yaml'), JSON.stringify(list), { mode: 0o600 });
  const processMonitor = {
    ...DEFAULT_OPTIONS.processMonitor,
    processListPath: join(directory, 'list.yaml'),
    stateFile: join(directory, 'state.json'),
    restartDelayMs: 3_600_000,
  };
  const monitor = await create({ ...DEFAULT_OPTIONS, processMonitor }, 'bench');
  const ended = new AbortController();
  let hasSeen = () => {};
  const seen = new Promise<void>((resolve) => {
    hasSeen = resolve;
  });
  const done = monitor.run({
    node: 'bench',
    signal: ended.signal,
    log: (_, message, fields) => {
      if (message === 'a watched process has died') deaths.set(String(fields?.process), performance.now());
    },
    report: async () => {},
    queryInstance: async () => undefined,
    seen: () => hasSeen(),
    blind: (reason) => {
      throw new Error(reason);
    },
  });
  await seen;
  await work();
  ended.abort();
  await done;
}

/** Percent of one core. */
async function costOf(work: () => Promise<void>): Promise<number> {
  const before = cpuMs();
  const began = performance.now();
  await work();
  return (100 * (cpuMs() - before)) / (performance.now() - began);
}

async function asMasakari(names: readonly string[]): Promise<void> {
  const end = performance.now() + IDLE_MS;
  while (performance.now() < end) {
    for (const name of names) {
      const { stdout } = await promisify(execFile)('ps', ['-ef'], { maxBuffer: 64 * 1024 * 1024 });
      if (!stdout.includes(name)) throw new Error(`${name} is gone`);
    }
    await delay(MASAKARI_INTERVAL_MS);
  }
}

/** Milliseconds from the kill to the monitor knowing it: least, median, most. */
async function latencies(names: readonly string[], children: readonly ChildProcess[]): Promise<readonly string[]> {
  const measured: number[] = [];
  await watching(names, async () => {
    for (const [index, child] of children.entries()) {
      const name = names[index] ?? '';
      // At any moment between two polls.
      await delay(300 + Math.random() * 300);
      const killed = performance.now();
      child.kill('SIGKILL');
      const end = killed + 20_000;
      while (!deaths.has(name)) {
        if (performance.now() > end) throw new Error(`the death of ${name} was not noticed`);
        await delay(1);
      }
      measured.push((deaths.get(name) ?? Number.NaN) - killed);
    }
  });
  const sorted = measured.toSorted((a, b) => a - b);
  return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((ms) => (ms ?? Number.NaN).toFixed(1));
}

const named = (kind: string) =>
  Array.from({ length: PROCESSES }, (_, n) => `recovery-agent-bench-${kind}-${n}-of-${process.pid}`);
const children: ChildProcess[] = [];
try {
  const together = named('together');
  const ofTogether = together.map(start);
  children.push(...ofTogether);
  let ours = Number.NaN;
  await watching(together, async () => {
    await delay(1000);
    ours = await costOf(() => delay(IDLE_MS));
  });
  const theirs = await costOf(() => asMasakari(together));
  const cost = new Table({ head: [`watching ${PROCESSES} processes for ${IDLE_MS / 1000} s`, '% of a core'] });
  cost.push(['recovery-agent, default options', ours.toFixed(3)], ['ps -ef for each, every 5 s', theirs.toFixed(3)]);
  process.stdout.write(`${cost.toString()}\n`);

  const delays = new Table({ head: ['kill -9 is known after, ms', 'least', 'median', 'most'] });
  delays.push(['no control group of its own', ...(await latencies(together, ofTogether))]);
  if (mount !== undefined && process.getuid?.() === 0) {
    const apart = named('apart');
    const ofApart = apart.map(start);
    children.push(...ofApart);
    for (const [index, child] of ofApart.entries()) alone(child, String(index));
    delays.push(['in a control group of its own', ...(await latencies(apart, ofApart))]);
  }
  process.stdout.write(`${delays.toString()}\n`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await delay(200);
  for (const group of groups) rmdirSync(group);
  rmSync(directory, { recursive: true, force: true });
}
