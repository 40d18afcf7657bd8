/**
 * The protocol of a service of type `notify` (sd_notify(3)): ready, state, reload, stop, watchdog.
 *
 * Node cannot write to a datagram socket of the unix family, so systemd's own `systemd-notify` does; the unit therefore sets
 * `NotifyAccess=all`. Outside of systemd (no NOTIFY_SOCKET) all of this does nothing.
 */

import { execFile } from 'node:child_process';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import { printable } from '#protocol/printable.ts';

const PROGRAM = 'systemd-notify';
const TIMEOUT_MS = 5_000;
/** A notification contains text of libvirt or of a tool. An argument with a NUL or of 128 KiB starts no program. */
const MAX_CHARACTERS = 1_000;

export interface Environment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly PATH?: string | undefined;
}

/** Interval of the watchdog's notifications, a third of systemd's timeout; undefined without a watchdog. Milliseconds. */
export function watchdogIntervalMs({ NOTIFY_SOCKET, WATCHDOG_USEC }: Environment): number | undefined {
  const usec = Number(WATCHDOG_USEC);
  return NOTIFY_SOCKET && Number.isSafeInteger(usec) && usec > 0 ? Math.max(1, Math.floor(usec / 3000)) : undefined;
}

export class ServiceManager {
  readonly #environment: Environment;
  readonly #log: Log;
  /** One after the other: the last notification is the current state. */
  #last: Promise<void> = Promise.resolve();
  #isAliveWaiting = false;

  constructor(environment: Environment, log: Log) {
    this.#environment = environment;
    this.#log = log;
  }

  /** @param assignments e.g. `READY=1`, `STATUS=…`. Resolves when they were sent; never throws. */
  notify(...assignments: readonly string[]): Promise<void> {
    const { NOTIFY_SOCKET, PATH } = this.#environment;
    if (!NOTIFY_SOCKET) return Promise.resolve();
    const env = { NOTIFY_SOCKET, ...(PATH ? { PATH } : {}) };
    const words = assignments.map((text) => printable(text).replaceAll(/ +/g, ' ').slice(0, MAX_CHARACTERS));
    this.#last = this.#last
      .then(() => notifyNow(words, env))
      .catch((error: unknown) => {
        const [reason] = errorMessage(error).split('\n');
        this.#log('warning', 'systemd could not be notified', { reason });
      });
    return this.#last;
  }

  /** Notifies the watchdog; does nothing while such a notification is waiting. */
  async alive(): Promise<void> {
    if (this.#isAliveWaiting) return;
    this.#isAliveWaiting = true;
    await this.notify('WATCHDOG=1');
    this.#isAliveWaiting = false;
  }

  /** Resolves when all notifications were sent: a process that ends earlier loses the rest. */
  async settled(): Promise<void> {
    await this.#last;
  }
}

function notifyNow(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(PROGRAM, words, { env, timeout: TIMEOUT_MS }, (error) => (error ? reject(error) : resolve()));
  });
}
