/**
 * Carries out what was decided for an entry of the list: starts it, restarts it, or reports it.
 *
 * Invariants:
 * - one action at a time runs for an entry, and few at a time for all;
 * - a restart is on disk before it starts, a failure before it is reported; the failure is removed after `report` has resolved.
 */

import type { EngineOptions } from '#config/options/options.ts';
import type { Command } from '#config/pipelines/command-line.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { type NotificationBody, wireTime } from '#protocol/notification.ts';
import type { MonitorContext } from '../service/monitor.ts';
import type { Commands, ListEntry } from './entry.ts';
import { afterCommand, type Failure, type Standing, whenRestarting } from './process-decision.ts';
import { runCommand } from './run-command.ts';
import type { Systemctl } from './unit.ts';
import type { Watched } from './watched.ts';

/** More restarts at a time would overload the host when many processes die at once. */
const MAX_WORK = 4;

interface ActionParts {
  readonly context: MonitorContext;
  readonly systemctl: Systemctl;
  /** The process groups of running commands: their processes are not those of the list. */
  readonly ownGroups: Set<number>;
  /** The current ones: a reload changes them. */
  readonly settings: () => EngineOptions['processMonitor'];
  /** Writes the state file. */
  readonly save: (one: Watched) => void;
  /** Called after each action. */
  readonly wake: () => void;
}

export class Actions {
  readonly #parts: ActionParts;
  readonly #work = new Set<Promise<void>>();

  constructor(parts: ActionParts) {
    this.#parts = parts;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#work);
  }

  /**
   * The same as masakari-monitors at its start, except that a running process is not restarted, and a process that was
   * reported before is not changed. True if the entry is being started.
   */
  start(one: Watched, standing: Standing): boolean {
    const { entry, poll } = one;
    if (one.start === 'over' || poll === 'unknown') return false;
    const isWanted = poll === 'down' && standing.failure === undefined && standing.tries === 0;
    if (entry.kind !== 'process' || entry.start.length === 0 || !isWanted) {
      one.start = 'over';
      return false;
    }
    if (this.#work.size >= MAX_WORK) return true;
    one.start = 'over';
    this.#do(one, 'start', async () => {
      this.#parts.context.log('info', 'a process of the list is not running and is started', {
        process: nameOf(entry),
      });
      await this.#runAll(one, entry.start);
      one.standing = afterCommand(one.standing, Date.now());
    });
    return true;
  }

  restart(one: Watched, why: string): void {
    if (this.#work.size >= MAX_WORK) return;
    this.#do(one, 'restart', async () => {
      this.#parts.context.log('warning', 'a process is down and is restarted', {
        process: nameOf(one.entry),
        reason: why,
      });
      one.standing = whenRestarting(one.standing, Date.now());
      this.#parts.save(one);
      await this.#runAll(one, this.#restartCommands(one.entry));
      one.standing = afterCommand(one.standing, Date.now());
      this.#parts.save(one);
    });
  }

  report(one: Watched, failure: Failure, why: string): void {
    this.#parts.save(one);
    this.#do(one, 'report', async () => {
      const fields = { process: nameOf(one.entry), reported_as: one.entry.reportAs, reason: why };
      this.#parts.context.log('error', 'a process is down for good and is reported', fields);
      await this.#parts.context.report(notificationOf(this.#parts.context.node, one.entry.reportAs, failure.at));
      one.standing = { ...one.standing, failure: { ...failure, report: 'made' } };
      this.#parts.save(one);
    });
  }

  #do(one: Watched, what: 'start' | 'restart' | 'report', action: () => Promise<void>): void {
    one.work = what;
    const done = action()
      .catch((error: unknown) => {
        const fields = { process: nameOf(one.entry), what, reason: messageOf(error) };
        this.#parts.context.log('error', 'an action for a process failed; it is retried', fields);
        one.pollDue = performance.now() + this.#parts.settings().checkIntervalMs;
      })
      .finally(() => {
        if (what !== 'report') one.pollDue = 0;
        one.work = 'none';
        this.#work.delete(done);
        this.#parts.wake();
      });
    this.#work.add(done);
  }

  #restartCommands(entry: ListEntry): Commands {
    if (entry.kind === 'process') return entry.restart;
    const systemctl = (...argv: string[]): Command => ({
      argv: [...this.#parts.systemctl, ...argv],
      text: `systemctl ${argv.join(' ')}`,
    });
    // A unit that failed too often is not started without reset-failed. The result is polled, not waited for here.
    return [systemctl('reset-failed', entry.unit), systemctl('restart', '--no-block', entry.unit)];
  }

  async #runAll({ entry }: Watched, commands: Commands): Promise<void> {
    const limits = { timeoutMs: this.#parts.settings().commandTimeoutMs, signal: this.#parts.context.signal };
    const runAs = entry.kind === 'process' ? entry.runAs : 'self';
    for (const command of commands) {
      const end = await runCommand(command, runAs, limits, this.#parts.ownGroups);
      if (end === 'ended well') continue;
      const fields = { process: nameOf(entry), command: command.text, reason: end.failed };
      // systemd has no failures of a unit that it has not loaded; the unit is started nevertheless.
      if (entry.kind === 'unit' && command !== commands.at(-1)) continue;
      this.#parts.context.log('warning', 'a command of the list failed', fields);
      return;
    }
  }
}

/** Masakari's body; the time without a zone is UTC, as its monitors send it. */
export function notificationOf(node: string, processName: string, at: number): NotificationBody {
  return {
    notification: {
      type: 'PROCESS',
      hostname: node,
      generated_time: wireTime(at),
      payload: { event: 'STOPPED', process_name: processName },
    },
  };
}

export function nameOf(entry: ListEntry): string {
  return entry.kind === 'unit' ? entry.unit : entry.processName;
}

export function messageOf(error: unknown): string {
  return errorMessage(error);
}
