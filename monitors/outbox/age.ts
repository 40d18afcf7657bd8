/**
 * The age of a waiting report.
 *
 * The wall clock of a host jumps: it is wrong after power loss until NTP sets it. Therefore the age is measured by the clock
 * that counts from boot and also runs while the machine sleeps. It is comparable only within one boot. Across a reboot no
 * clock is reliable: a report from before counts as at least as old as this boot, and always as stale.
 */
import { readFileSync } from 'node:fs';

export interface Moment {
  /** The wall clock, ms UTC. */
  readonly wallMs: number;
  readonly bootId: string;
  /** Since boot, sleep included. */
  readonly uptimeMs: number;
}

export interface Age {
  readonly ms: number;
  readonly boot: 'this' | 'earlier';
}

export function ageAt(now: Moment, written: Moment): Age {
  // A container that is started again has the boot id of before and counts from zero.
  if (written.bootId === now.bootId && written.uptimeMs <= now.uptimeMs) {
    return { ms: now.uptimeMs - written.uptimeMs, boot: 'this' };
  }
  return { ms: Math.max(now.uptimeMs, now.wallMs - written.wallMs), boot: 'earlier' };
}

export function isStale(age: Age, staleAfterMs: number): boolean {
  return age.boot === 'earlier' || age.ms > staleAfterMs;
}

/** /proc/uptime is CLOCK_BOOTTIME in hundredths of a second (proc_uptime(5)). */
export function momentNow(): Moment {
  const [seconds = '0'] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return {
    wallMs: Date.now(),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    uptimeMs: Math.round(Number(seconds) * 1000),
  };
}
