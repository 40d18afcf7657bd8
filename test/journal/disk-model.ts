/**
 * A disk that forgets: what syscalls did, divided into what a sync has made durable and what a power cut may lose.
 *
 * Harsher than ext4 and xfs: syncing a new file does not make its name durable, only syncing its directory does; and what
 * is not synced may reach the disk in any subset, sector by sector.
 */
import { basename, dirname } from 'node:path';
import type { Syscall } from './syscalls.ts';

type Change = Extract<Syscall, { call: 'write' | 'truncate' }>;

interface Inode {
  durable: Buffer;
  pending: Change[];
}

/** A name that came to mean a file, or nothing any more. */
interface NameChange {
  readonly path: string;
  readonly inode: Inode | undefined;
}

/** What of the unsynced reaches the disk. `contents`: all of it but names; `some`: any subset of sectors and names. */
export type WriteOutcome = 'none' | 'all' | 'contents' | 'some';

/** The unit that SQLite relies on being written whole. */
const SECTOR = 512;

function apply(content: Buffer, change: Change): Buffer {
  if (change.call === 'truncate') {
    const cut = Buffer.alloc(change.size);
    content.copy(cut, 0, 0, Math.min(content.length, change.size));
    return cut;
  }
  const end = change.offset + change.bytes.length;
  const grown =
    content.length < end ? Buffer.concat([content, Buffer.alloc(end - content.length)]) : Buffer.from(content);
  change.bytes.copy(grown, change.offset);
  return grown;
}

function sectorsOf(change: Change): Change[] {
  if (change.call === 'truncate') return [change];
  const pieces: Change[] = [];
  for (let at = 0; at < change.bytes.length; ) {
    const end = Math.min(change.bytes.length, at + SECTOR - ((change.offset + at) % SECTOR));
    pieces.push({ ...change, offset: change.offset + at, bytes: change.bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}

export class DiskModel {
  /** The names as the running system sees them. */
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #pendingNames: NameChange[] = [];

  run(syscall: Syscall): void {
    if (syscall.call === 'acknowledge') return;
    const inode = this.#names.get(syscall.path);
    switch (syscall.call) {
      case 'create':
        if (!inode) this.#rename({ path: syscall.path, inode: { durable: Buffer.alloc(0), pending: [] } });
        return;
      case 'unlink':
        this.#rename({ path: syscall.path, inode: undefined });
        return;
      case 'sync':
        if (inode) {
          inode.durable = inode.pending.reduce(apply, inode.durable);
          inode.pending = [];
        } else this.#syncDirectory(syscall.path);
        return;
      default:
        inode?.pending.push(syscall);
    }
  }

  #rename(change: NameChange): void {
    if (change.inode) this.#names.set(change.path, change.inode);
    else this.#names.delete(change.path);
    this.#pendingNames.push(change);
  }

  #syncDirectory(directory: string): void {
    const isHere = ({ path }: NameChange): boolean => dirname(path) === directory;
    for (const change of this.#pendingNames.filter(isHere)) give(this.#durableNames, change);
    this.#pendingNames = this.#pendingNames.filter((change) => !isHere(change));
  }

  /** The files that are found after a cut now, by base name. @param chance 0–1, for `some`. */
  cut(outcome: WriteOutcome, chance: () => number): Map<string, Buffer> {
    const keepsName = (): boolean => outcome === 'all' || (outcome === 'some' && chance() < 0.5);
    const keeps = (): boolean => outcome === 'all' || outcome === 'contents' || (outcome === 'some' && chance() < 0.5);
    const names = new Map(this.#durableNames);
    for (const change of this.#pendingNames) if (keepsName()) give(names, change);
    const files = new Map<string, Buffer>();
    for (const [path, { durable, pending }] of names) {
      const changes = outcome === 'some' ? pending.flatMap(sectorsOf) : pending;
      files.set(basename(path), changes.filter(keeps).reduce(apply, durable));
    }
    return files;
  }
}

function give(names: Map<string, Inode>, { path, inode }: NameChange): void {
  if (inode) names.set(path, inode);
  else names.delete(path);
}
