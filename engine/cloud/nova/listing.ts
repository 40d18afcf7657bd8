/**
 * All pages of a listing.
 *
 * Invariants: every entry once, in its latest form; the time is that of the first page, so that a change during later pages is not taken
 * for older than it is; a list without an end is detected, with equal pages or different ones.
 */
import { CloudError } from '#openstack/cloud-error.ts';
import type { Listing } from '../cloud.ts';
import type { Read } from './requests.ts';

/** Limits of a list. 200,000 entries are 200 pages with Nova's default, and about as many megabytes. */
const MAX_PAGES = 1000;
const MAX_ENTRIES = 200_000;

export interface Page<T> {
  readonly items: readonly T[];
  /** Whether the service reports that there is more. */
  readonly more: boolean;
}

export interface Pages<T> {
  /** For messages, e.g. `instances`. */
  readonly of: string;
  /** The same, e.g. `/servers/detail`. */
  readonly path: string;
  read(marker: string | undefined): Promise<Omit<Read<Page<T>>, 'start'>>;
  /** Unique, and the marker of the page that follows an entry. */
  key(item: T): string;
}

/** Number of times that a listing starts again because the entry of its marker is gone. */
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
  let marker: string | undefined;
  for (let read = 1; ; read++) {
    const page = await nextPage(pages, marker);
    at ??= page.at;
    if (at === undefined) {
      throw new CloudError(
        'refused',
        `neither Nova nor Keystone returns the time: no Date with the list of ${pages.of}`,
      );
    }
    const { items, more } = page.value;
    for (const item of items) found.set(pages.key(item), item);
    const last = items.at(-1);
    if (!more || last === undefined) return { items: [...found.values()], at, pages: read };
    marker = pages.key(last);
    if (markers.has(marker)) {
      throw new CloudError('unknown', `the pages of the list of ${pages.of} go in a circle at ${marker}`);
    }
    markers.add(marker);
    if (read >= MAX_PAGES || found.size >= MAX_ENTRIES) {
      const size = `${read} pages with ${found.size} entries`;
      throw new CloudError(
        'unknown',
        `the list of ${pages.of} of GET ${pages.path} has no end: there is more after ${size}`,
      );
    }
  }
}

async function nextPage<T>(pages: Pages<T>, marker: string | undefined): ReturnType<Pages<T>['read']> {
  try {
    return await pages.read(marker);
  } catch (error) {
    const gone = marker !== undefined && error instanceof CloudError && error.status === 400;
    throw gone ? new MarkerGone(error.message, { cause: error }) : error;
  }
}

export function hasNext(links: readonly { readonly rel: string }[]): boolean {
  return links.some((link) => link.rel === 'next');
}

/** In Nova's format for times, rounded down, so that nothing of that second is omitted. */
export function wholeSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
