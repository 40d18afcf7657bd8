import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A file that takes what is left of the storage. */
const FILLER = '.filler';

/** Writes until the storage is full. */
export async function fill(storage: string): Promise<void> {
  const block = Buffer.alloc(65_536, 0xff);
  // Down to single bytes: half a block would still take a small journal page.
  for (const size of [block.length, 4096, 1]) {
    const endless = Readable.from(
      (function* () {
        for (;;) yield block.subarray(0, size);
      })(),
    );
    await pipeline(endless, createWriteStream(join(storage, FILLER), { flags: 'a' })).catch((error) => {
      if (error.code !== 'ENOSPC') throw error;
    });
  }
}

export async function free(storage: string): Promise<void> {
  await rm(join(storage, FILLER), { force: true });
}
