/** Storage that is full, read-only or out of inodes. */
import { type Fault, group } from '../fault.ts';
import type { Place } from '../place.ts';

type Folder = 'run' | 'log' | 'storage';
const WHAT: Readonly<Record<Folder, string>> = {
  run: 'socket and process file',
  log: 'the log',
  storage: 'the journal',
};

/** Replaces a folder by a small file system; what was in it stays below. */
function mount(place: Place, folder: Folder, options: string): Promise<string> {
  return place.must('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', place.path(folder));
}

async function fill(place: Place, folder: Folder): Promise<void> {
  await mount(place, folder, 'size=64k');
  // It ends with an error when the file system is full.
  await place.run(['dd', 'if=/dev/zero', `of=${place.path(folder, 'filler')}`, 'bs=4k']);
}

async function makeReadOnly(place: Place, folder: Folder): Promise<void> {
  await place.must('mount', '--bind', place.path(folder), place.path(folder));
  await place.must('mount', '-o', 'remount,bind,ro', place.path(folder));
}

interface Kind {
  readonly what: string;
  readonly arrange: (place: Place, folder: Folder) => Promise<unknown>;
  readonly start: Readonly<Record<Folder, number>>;
}

const KINDS: readonly Kind[] = [
  { what: 'a full disk', arrange: fill, start: { run: 1, log: 0, storage: 1 } },
  {
    what: 'a disk without inodes',
    arrange: (place, folder) => mount(place, folder, 'nr_inodes=1'),
    start: { run: 1, log: 1, storage: 1 },
  },
  { what: 'read-only storage', arrange: makeReadOnly, start: { run: 5, log: 5, storage: 5 } },
];

export const STORAGE_FAULTS: readonly Fault[] = group(
  'storage',
  KINDS.flatMap(({ what, arrange, start }) =>
    (['run', 'log', 'storage'] as const).map((folder) => ({
      name: `${WHAT[folder]} on ${what}`,
      arrange: (place: Place) => arrange(place, folder),
      stopped: { start: start[folder] },
      // Mounted over what a running engine uses: it is seen through /proc and the lease alone.
      ...(what === 'read-only storage' ? { running: {} } : {}),
    })),
  ),
);
