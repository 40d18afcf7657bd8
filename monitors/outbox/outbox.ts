/**
 * The folder in which reports lie until an engine has acknowledged them: one file a report.
 *
 * Invariants: a report is there whole or not at all, and once `put` has resolved it survives kill and power loss. Names sort
 * in the order of writing, by a number and not by a clock. Nothing in the folder keeps another report from being delivered,
 * and nothing is thrown away without a line in the log.
 */
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { Log } from '#protocol/log.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import { isAlive, type ProcessName, thisProcess } from '#protocol/process-file.ts';
import { type Moment, momentNow } from './age.ts';
import { formatReport, MAX_REPORT_BYTES, parseReport, type Report, UnusableReport } from './report-file.ts';
import { ASIDE, SetAside } from './set-aside.ts';
import { isTurnName } from './turn.ts';

export interface OutboxLimits {
  readonly maxReports: number;
  readonly maxBytes: number;
}

/** A report is some 300 bytes; ten thousand of them are more than a host can have to say. */
export const OUTBOX_LIMITS: OutboxLimits = { maxReports: 10_000, maxBytes: 32 * 1024 * 1024 };

/** The report is not kept: the monitor has to try again. */
export class OutboxUnusable extends Error {
  override readonly name = 'OutboxUnusable';
}

export interface OutboxParts {
  readonly folder: string;
  readonly log: Log;
  readonly limits?: OutboxLimits;
  readonly now?: () => Moment;
}

/** A number of 16 digits and the process that wrote it: two processes may take one number. */
const REPORT = /^(\d{16})-\d+\.report$/;
const UNFINISHED = /^(\d+)-(\d+)-\d+\.new$/;

export class Outbox {
  readonly folder: string;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  readonly #now: () => Moment;
  readonly #aside: SetAside;
  readonly #me: ProcessName = thisProcess();
  readonly #listeners = new Set<(body: NotificationBody) => void>();
  /** Sizes of the reports there, so that only new ones are looked at. */
  #sizes = new Map<string, number>();
  #lastNumber = 0;
  /** One report after the other, so that none becomes visible before an earlier one. */
  #writing: Promise<unknown> = Promise.resolve();
  readonly #told = new Set<string>();

  /** Throws `OutboxUnusable`. */
  static async open(parts: OutboxParts): Promise<Outbox> {
    const outbox = new Outbox(parts);
    try {
      await mkdir(parts.folder, { recursive: true, mode: 0o700 });
      // It names hosts and instances, and who writes there speaks for this host.
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

  /** Resolves when the report is durable. Throws `OutboxUnusable` when it is not, `InvalidNotification` when it is none. */
  async put(body: NotificationBody, proof: ReportedProof = 'none'): Promise<void> {
    const text = formatReport({ body, written: this.#now(), proof });
    // Nothing is awaited up to here: reports stand in line as they were given.
    const written = this.#writing.then(() => this.#write(text));
    this.#writing = written.catch(() => {});
    await written;
    for (const listener of this.#listeners) listener(body);
  }

  /** The names of all reports there, in the order of writing. What does not belong there is set aside. */
  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const entry of await readdir(this.folder, { withFileTypes: true })) {
      const { name } = entry;
      if (REPORT.test(name) && !entry.isDirectory()) names.push(name);
      else if (UNFINISHED.test(name)) await this.#dropUnfinished(name);
      else if (entry.isDirectory()) {
        if (name !== ASIDE && name !== 'lost+found') this.#tellOnce(name, 'a folder in the outbox is not ours');
      } else if (!isTurnName(name) && !name.startsWith('.nfs')) await this.setAside(name, 'it is none of our files');
    }
    return names.sort();
  }

  /** Undefined when it is gone, cannot be read at the moment, or had to be set aside. */
  async read(name: string): Promise<Report | undefined> {
    try {
      return parseReport(await this.#content(name));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'ENOENT') return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      // A lack of descriptors or a disk in trouble says nothing about the report.
      if (error instanceof UnusableReport || code === 'EACCES' || code === 'ELOOP') await this.setAside(name, reason);
      else this.#tellOnce(name, `a report cannot be read: ${reason}`);
      return undefined;
    }
  }

  /** Whether it is still there: a person may have taken it out. */
  async has(name: string): Promise<boolean> {
    return (await stat(join(this.folder, name)).catch(() => undefined)) !== undefined;
  }

  /** Forgets what was acknowledged. */
  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
    await this.#syncFolder();
  }

  /** Keeps what cannot be delivered for a person to look at. Never throws. */
  async setAside(name: string, reason: string): Promise<void> {
    try {
      await this.#aside.take(name, reason);
    } catch (error) {
      this.#tellOnce(name, `cannot be set aside: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #write(text: string): Promise<void> {
    try {
      const name = await this.#nextName(Buffer.byteLength(text));
      const { pid, startTime } = this.#me;
      const unfinished = join(this.folder, `${pid}-${startTime}-${this.#lastNumber}.new`);
      try {
        const file = await open(unfinished, 'wx', 0o600);
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

  /** Higher than every name there, of whatever process and of however long ago. */
  async #nextName(bytes: number): Promise<string> {
    const names = await this.names();
    await this.#measure(names);
    const total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    if (names.length >= this.#limits.maxReports || total + bytes > this.#limits.maxBytes) {
      throw new OutboxUnusable(
        `the outbox ${this.folder} is full (${names.length} reports, ${total} bytes); does the log say why none is delivered?`,
      );
    }
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

  /** Its monitor was killed before `put` resolved, and says it again. */
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

  #tellOnce(name: string, what: string): void {
    if (this.#told.size > 1_000) this.#told.clear();
    if (this.#told.has(name + what)) return;
    this.#told.add(name + what);
    this.#log('warning', what, { outbox: this.folder, file: name });
  }
}

function unusable(folder: string, error: unknown): OutboxUnusable {
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
