/** An initramfs: files in cpio's "newc" format, compressed (kernel: Documentation/driver-api/early-userspace). */
import { gzipSync } from 'node:zlib';

export interface Entry {
  readonly path: string;
  /** A file with its bytes, or a folder. */
  readonly bytes?: Buffer;
}

const FOLDER_MODE = 0o040755;
const FILE_MODE = 0o100755;

export function initramfs(entries: readonly Entry[]): Buffer {
  const parts = [...entries, { path: 'TRAILER!!!' }].map((entry, index) => record(entry, index + 1));
  return gzipSync(Buffer.concat(parts), { level: 1 });
}

function record({ path, bytes }: Entry, inode: number): Buffer {
  const mode = bytes === undefined ? FOLDER_MODE : FILE_MODE;
  const content = bytes ?? Buffer.alloc(0);
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([aligned(Buffer.concat([head, name])), aligned(content)]);
}

function aligned(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
