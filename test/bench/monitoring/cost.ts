/**
 * The cost of a process, as the kernel accounts for it.
 *
 * Memory is measured at one reading. CPU time and wake-ups are counted since the start of the process, so a cost is the difference
 * of two readings.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of sysconf(_SC_CLK_TCK): the unit of times in /proc/PID/stat. */
const TICK_MS = 10;

export interface Reading {
  /** Resident, with what is shared counted whole and in equal shares; and what no file backs. KiB. */
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
  /** User and system time of the process, and of the programs that it ran and waited for. Milliseconds. */
  readonly cpuMs: number;
  readonly cpuOfProgramsMs: number;
  /** Voluntary context switches of all threads that live: each is a wait, and so a wake-up. */
  readonly wakeUps: number;
}

export interface Cost {
  readonly rssMib: number;
  readonly pssMib: number;
  readonly anonymousMib: number;
  /** Of one core: by itself, and together with the programs that it ran. */
  readonly cpuPercent: number;
  readonly cpuWithProgramsPercent: number;
  readonly wakeUpsPerSecond: number;
}

/** Throws when the process is gone. */
export function readingOf(pid: number): Reading {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kib = (field: string) => Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(memory)?.[1]);
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // utime, stime, cutime, cstime: fields 14 to 17; the name in field 2 may hold blanks.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15);
  const [utime = Number.NaN, stime = Number.NaN, cutime = Number.NaN, cstime = Number.NaN] = fields.map(Number);
  return {
    rss: kib('Rss'),
    pss: kib('Pss'),
    anonymous: kib('Anonymous'),
    cpuMs: (utime + stime) * TICK_MS,
    cpuOfProgramsMs: (cutime + cstime) * TICK_MS,
    wakeUps: readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + wakeUpsOf(pid, thread), 0),
  };
}

function wakeUpsOf(pid: number, thread: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  } catch {
    // It ended just now.
    return 0;
  }
}

/** `looks`: readings in the order of time, the first and the last so many seconds apart. Memory is their mean. */
export function costOf(readings: readonly Reading[], seconds: number): Cost {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was measured');
  const meanMib = (of: (reading: Reading) => number) =>
    readings.reduce((sum, reading) => sum + of(reading), 0) / readings.length / 1024;
  const allMs = ({ cpuMs, cpuOfProgramsMs }: Reading) => cpuMs + cpuOfProgramsMs;
  return {
    rssMib: meanMib(({ rss }) => rss),
    pssMib: meanMib(({ pss }) => pss),
    anonymousMib: meanMib(({ anonymous }) => anonymous),
    cpuPercent: (last.cpuMs - first.cpuMs) / (seconds * 10),
    cpuWithProgramsPercent: (allMs(last) - allMs(first)) / (seconds * 10),
    wakeUpsPerSecond: (last.wakeUps - first.wakeUps) / seconds,
  };
}

export function sumOf(costs: readonly Cost[]): Cost {
  const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
  return {
    rssMib: sum(({ rssMib }) => rssMib),
    pssMib: sum(({ pssMib }) => pssMib),
    anonymousMib: sum(({ anonymousMib }) => anonymousMib),
    cpuPercent: sum(({ cpuPercent }) => cpuPercent),
    cpuWithProgramsPercent: sum(({ cpuWithProgramsPercent }) => cpuWithProgramsPercent),
    wakeUpsPerSecond: sum(({ wakeUpsPerSecond }) => wakeUpsPerSecond),
  };
}
