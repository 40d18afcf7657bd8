/**
 * The maintainer scripts of both packages: POSIX sh for root, from the files in `scripts`.
 *
 * Invariants: no script touches a journal, ends an engine or deletes a report that was not delivered. A step that fails is named,
 * and its script fails, under `set -e` in both packages. What must be done first is refused before anything is changed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'scripts');

function read(name: string): string {
  return readFileSync(join(FOLDER, `${name}.sh`), 'utf8');
}

export interface Scripts {
  /** What the others call; it goes before each of them. */
  readonly functions: string;
  /** After an installation or an upgrade. Reads `first` (yes: an installation); `failed` is not empty when a step failed. */
  readonly afterInstall: string;
  /** Before the files are removed, not before an upgrade. Leaves the outboxes outside the default folder in `found`. */
  readonly beforeRemoval: string;
  /** When a removal is not completed. */
  readonly afterRefusal: string;
  /** After the files were removed, not after an upgrade. */
  readonly afterRemoval: string;
  /** When nothing is to stay; only Debian has it. */
  readonly onPurge: string;
}

export function readScripts(): Scripts {
  return {
    functions: ['program', 'systemd', 'outbox'].map(read).join('\n'),
    afterInstall: read('after-install'),
    beforeRemoval: read('before-removal'),
    afterRefusal: 'resume_monitors\n',
    afterRemoval: read('after-removal'),
    onPurge: read('on-purge'),
  };
}
