/**
 * The folder that stores reports until an engine has acknowledged them: one file for each report.
 *
 * Invariants: a report is stored completely or not at all, and once `put` has resolved it survives kill and power loss. Names
 * sort in the order of writing, by a number and not by a clock. No file in the folder delays the delivery of another report,
 * and nothing is deleted without a line in the log.
 */

import { constants } from 'node:fs';
import { chmod, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportedProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { isAlive, type ProcessName, thisProcess } from '#protocol/process-file.ts';
import { createFile, unpredictable } from '#protocol/replaced-file.ts';
import { type Moment, momentNow } from './age.ts';
import { OUTBOX_LIMITS, type OutboxLimits, whyFull } from './capacity.ts';
import { claimOutbox, isKnownEntry, REPORT, UNFINISHED } from './outbox-folder.ts';
import { formatReport, MAX_REPORT_BYTES, parseReport, type Report, UnusableReport } from './report-file.ts';
import { SetAside } from './set-aside.ts';

/** The report is not stored: the monitor has to retry. */
export class OutboxUnusable extends Error {
  override readonly name = 'OutboxUnusable';
}

export interface OutboxParts {
  readonly folder: string;
  readonly log: Log;
  readonly limits?: OutboxLimits;
  readonly now?: () => Moment;
}

export class Outbox {
  readonly folder: string;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  readonly #now: () => Moment;
  readonly #aside: SetAside;
  readonly #me: ProcessName = thisProcess();
  readonly #listeners = new Set<(body: NotificationBody) => void>();
  /** Sizes of the stored reports, so that only new ones are read. */
  #sizes = new Map<string, number>();
  #lastNumber = 0;
  /** One report after the other, so that none becomes visible before an earlier one. */
  #writing: Promise<unknown> = Promise.resolve();
  readonly #received = new Set<string>();

  /** Throws `OutboxUnusable`. */
  static async open(parts: OutboxParts): Promise<Outbox> {
    const outbox = new Outbox(parts);
    try {
      claimOutbox(parts.folder);
      // It contains names of hosts and instances, and a user who writes there reports for this host.
      if (((await stat(parts.folder)).mode & 0o077) !== 0) await chmod(parts.folder, 0o700);
      await outbox.names();
    } catch (error) {
      throw unusable(parts.folder, error);
    }
    return outbox;
  }

  private constructor({ folder, log, limits = OUTBOX_LIMITS, now = momentNow }: OutboxParts) {
    this.folder = folder;
    this.#log = log;
    this.#limits = limits;
    this.#now = now;
    this.#aside = new SetAside(folder, log);
  }

  /** Called after each report of this process, when it is durable. */
  onPut(listener: (body: NotificationBody) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves when the report is durable. Throws `OutboxUnusable` if it is not, `InvalidNotification` if it is invalid. */
  async put(body: NotificationBody, proof: ReportedProof = 'none'): Promise<void> {
    const text = formatReport({ body, written: this.#now(), proof });
    // There is no await before this line: reports are queued in the order of the calls.
    const written = this.#writing.then(() => this.#write(text));
    this.#writing = written.catch(() => {});
    await written;
    for (const listener of this.#listeners) listener(body);
  }

  /** The names of all stored reports, in the order of writing. Foreign entries are set aside. */
  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const entry of await readdir(this.folder, { withFileTypes: true })) {
      const { name } = entry;
      if (REPORT.test(name) && !entry.isDirectory()) names.push(name);
      else if (UNFINISHED.test(name)) await this.#dropUnfinished(name);
      else if (entry.isDirectory()) {
        if (!isKnownEntry(name)) this.#logOnce(name, 'a folder in the outbox is not ours');
      } else if (!isKnownEntry(name)) await this.setAside(name, 'it is none of our files');
    }
    return names.sort();
  }

  /** Undefined if it is gone, cannot be read at the moment, or had to be set aside. */
  async read(name: string): Promise<Report | undefined> {
    try {
      return parseReport(await this.#content(name));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'ENOENT') return undefined;
      const reason = errorMessage(error);
      // A lack of descriptors or a disk error is no fault of the report.
      if (error instanceof UnusableReport || code === 'EACCES' || code === 'ELOOP') await this.setAside(name, reason);
      else this.#logOnce(name, `a report cannot be read: ${reason}`);
      return undefined;
    }
  }

  /** Whether it still exists: a person may have removed it. */
  async has(name: string): Promise<boolean> {
    return (await stat(join(this.folder, name)).catch(() => undefined)) !== undefined;
  }

  /** Removes an acknowledged report. */
  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
    await this.#syncFolder();
  }

  /** Keeps a file that cannot be delivered for a person to check. Never throws. */
  async setAside(name: string, reason: string): Promise<void> {
    try {
      await this.#aside.take(name, reason);
    } catch (error) {
      this.#logOnce(name, `cannot be set aside: ${errorMessage(error)}`);
    }
  }

  async #write(text: string): Promise<void> {
    try {
      const name = await this.#nextName(Buffer.byteLength(text));
      const { pid, startTime } = this.#me;
      const unfinished = join(this.folder, `${pid}-${startTime}-${this.#lastNumber}-${unpredictable()}.new`);
      try {
        const file = await createFile(unfinished, 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(unfinished, join(this.folder, name));
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => {});
        throw error;
      }
      await this.#syncFolder();
      this.#sizes.set(name, Buffer.byteLength(text));
    } catch (error) {
      throw error instanceof OutboxUnusable ? error : unusable(this.folder, error);
    }
  }

  /** Higher than every stored name, of any process and any age. */
  async #nextName(bytes: number): Promise<string> {
    const names = await this.names();
    await this.#measure(names);
    const total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    const full = whyFull(this.folder, { reports: names.length, bytes: total }, bytes, this.#limits);
    if (full !== undefined) throw new OutboxUnusable(full);
    this.#lastNumber = Math.max(this.#lastNumber, Number(REPORT.exec(names.at(-1) ?? '')?.[1] ?? 0)) + 1;
    return `${String(this.#lastNumber).padStart(16, '0')}-${this.#me.pid}.report`;
  }

  async #measure(names: readonly string[]): Promise<void> {
    const sizes = new Map<string, number>();
    for (const name of names) {
      const known = this.#sizes.get(name);
      const size = known ?? (await stat(join(this.folder, name)).catch(() => undefined))?.size;
      if (size !== undefined) sizes.set(name, size);
    }
    this.#sizes = sizes;
  }

  async #content(name: string): Promise<string> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(join(this.folder, name), flags);
    try {
      const status = await file.stat();
      if (!status.isFile()) throw new UnusableReport('it is no regular file');
      if (status.size > MAX_REPORT_BYTES) throw new UnusableReport(`it is longer than ${MAX_REPORT_BYTES} bytes`);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_REPORT_BYTES), 0, MAX_REPORT_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Its monitor was killed before `put` resolved, and reports it again. */
  async #dropUnfinished(name: string): Promise<void> {
    const [, pid = '', startTime = ''] = UNFINISHED.exec(name) ?? [];
    if (isAlive({ pid: Number(pid), startTime, bootId: this.#me.bootId })) return;
    await rm(join(this.folder, name), { force: true });
    this.#log('info', 'a report that was never finished is removed; its monitor was killed meanwhile', { file: name });
  }

  /** A file that was renamed is durable when its folder is (rename(2), fsync(2)). */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  #logOnce(name: string, what: string): void {
    if (this.#received.size > 1_000) this.#received.clear();
    if (this.#received.has(name + what)) return;
    this.#received.add(name + what);
    this.#log('warning', what, { outbox: this.folder, file: name });
  }
}

function unusable(folder: string, error: unknown): OutboxUnusable {
  if (error instanceof Error && !('code' in error)) {
    return new OutboxUnusable(`the outbox cannot be used: ${error.message}; see [monitors] outbox`, { cause: error });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const advice: Readonly<Record<string, string>> = {
    ENOSPC: 'free some space',
    EDQUOT: 'free some space',
    EROFS: 'is its disk in order?',
    EIO: 'is its disk in order?',
    ENOTDIR: 'see [monitors] outbox',
  };
  const what = `the outbox ${folder} cannot be written (${code}); ${advice[code] ?? "let the monitors' user write there"}`;
  return new OutboxUnusable(what, { cause: error });
}
