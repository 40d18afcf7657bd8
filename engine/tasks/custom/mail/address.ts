/**
 * Mail addresses and lines of headers, from texts that others wrote. Pure.
 *
 * Invariant: nothing that leaves here holds a line break or another control character, so no text can add a header or a
 * recipient.
 */

export interface Mailbox {
  /** What is shown beside the address; may be empty. */
  readonly name: string;
  readonly address: string;
}

/** Longest that SMTP carries (RFC 5321, 4.5.3.1.3, without the angle brackets). */
const MAX_ADDRESS = 254;
/** A mail to more people than this is a mistake. */
const MAX_ADDRESSES = 1000;
const ADDRESS = /^[^\s<>@,;:"()[\]\\\p{C}]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;
const MAILBOX = /^(?:(?<name>[^<>]*?)\s*<(?<inner>[^<>]*)>|(?<bare>.*))$/su;

export function isAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}

/** `a@example.com` or `Name <a@example.com>`; undefined where it is neither. */
export function mailboxOf(text: string): Mailbox | undefined {
  const { name = '', inner, bare } = MAILBOX.exec(text.trim())?.groups ?? {};
  const address = (inner ?? bare ?? '').trim();
  return isAddress(address) ? { name: oneLine(name.replaceAll('"', ''), 100), address } : undefined;
}

/** The addresses of a list with commas or line breaks, each once; or which one is none, counted from 1. */
export function addressesIn(text: string): { readonly addresses: readonly string[] } | { readonly fault: string } {
  const items = text.split(/[,\r\n]/).filter((item) => item.trim() !== '');
  if (items.length === 0) return { fault: 'it names nobody' };
  if (items.length > MAX_ADDRESSES) return { fault: `it names more than ${MAX_ADDRESSES} addresses` };
  const addresses = new Map<string, string>();
  for (const [index, item] of items.entries()) {
    const found = mailboxOf(item);
    if (!found) return { fault: `its item ${index + 1} is no mail address: ${JSON.stringify(oneLine(item, 60))}` };
    if (!addresses.has(keyOf(found.address))) addresses.set(keyOf(found.address), found.address);
  }
  return { addresses: [...addresses.values()] };
}

/** Equal for addresses that reach the same person: no server of today tells them apart by case. */
export function keyOf(address: string): string {
  return address.toLowerCase();
}

/** A text as it may stand in a header or a cell: on one line, and short. */
export function oneLine(text: string, max: number): string {
  const line = text
    .toWellFormed()
    .replaceAll(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : line;
}
