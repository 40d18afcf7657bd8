/**
 * All pages of a listing.
 *
 * Invariants: every entry once, in its latest form; the time is that of the first page, so that nothing that changed
 * while later pages came is taken for older than it is; a service that sends the same page again and again is noticed.
 */
import { CloudError, type Listing } from '../cloud.ts';
import type { Read } from './compute.ts';

export interface Page<T> {
  readonly items: readonly T[];
  /** Whether the service says that there is more. */
  readonly more: boolean;
}

export interface Pages<T> {
  /** For messages, e.g. `instances`. */
  readonly of: string;
  read(marker: string | undefined): Promise<Read<Page<T>>>;
  /** Unique, and the marker of the page that follows an entry. */
  key(item: T): string;
}

/** Times that a listing starts again because the entry that its marker named is gone. */
const MAX_RESTARTS = 3;

export async function allPages<T>(pages: Pages<T>): Promise<Listing<T>> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await once(pages);
    } catch (error) {
      if (!(error instanceof MarkerGone)) throw error;
      if (restarts === MAX_RESTARTS) throw error.cause;
    }
  }
}

class MarkerGone extends Error {}

async function once<T>(pages: Pages<T>): Promise<Listing<T>> {
  const found = new Map<string, T>();
  const markers = new Set<string>();
  let at: Date | undefined;
  for (let marker: string | undefined; ; ) {
    const page = await nextPage(pages, marker);
    at ??= page.at;
    if (at === undefined) {
      throw new CloudError(
        'refused',
        `neither Nova nor Keystone says what time it is: no Date with the list of ${pages.of}`,
      );
    }
    const { items, more } = page.value;
    for (const item of items) found.set(pages.key(item), item);
    const last = items.at(-1);
    if (!more || last === undefined) return { items: [...found.values()], at };
    marker = pages.key(last);
    if (markers.has(marker)) {
      throw new CloudError('unknown', `the pages of the list of ${pages.of} go in a circle at ${marker}`);
    }
    markers.add(marker);
  }
}

async function nextPage<T>(pages: Pages<T>, marker: string | undefined): Promise<Read<Page<T>>> {
  try {
    return await pages.read(marker);
  } catch (error) {
    const gone = marker !== undefined && error instanceof CloudError && error.status === 400;
    throw gone ? new MarkerGone(error.message, { cause: error }) : error;
  }
}
