/**
 * Decides whether a redirect is followed. Pure.
 *
 * Invariant: the target has the origin of the request, so that credentials reach no other server and never leave TLS.
 * Source: RFC 9110, section 15.4. 303 is not followed: it names another resource, and what is read here is a resource's state.
 */

const FOLLOWED: ReadonlySet<number> = new Set([301, 302, 307, 308]);
const MAX_LOCATION = 2048;

export type RedirectDecision = { readonly url: URL } | { readonly refused: string };

export function isRedirect(status: number): boolean {
  return status >= 300 && status <= 399 && status !== 304;
}

/** @param location the received header */
export function decideRedirect(status: number, from: URL, location: unknown): RedirectDecision {
  if (!FOLLOWED.has(status)) return { refused: `redirect ${status} is not supported` };
  if (typeof location !== 'string' || location === '' || location.length > MAX_LOCATION) {
    return { refused: `redirect ${status} has no usable Location` };
  }
  const url = URL.parse(location, from.href);
  if (url === null) return { refused: `redirect ${status} has no usable Location` };
  if (url.protocol !== from.protocol) {
    return { refused: `redirect ${status} to ${url.protocol.slice(0, -1)} refused; only ${from.origin} is trusted` };
  }
  if (url.origin !== from.origin) {
    return { refused: `redirect ${status} to another origin (${url.origin}) refused; only ${from.origin} is trusted` };
  }
  if (url.username !== '' || url.password !== '') return { refused: `redirect ${status} with credentials refused` };
  url.hash = '';
  if (url.href === from.href) return { refused: `redirect ${status} to itself refused` };
  return { url };
}
