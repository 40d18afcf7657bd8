/**
 * Mail addresses and lines of headers, from texts that others wrote. Pure.
 *
 * Invariant: nothing that leaves here holds a line break or another control character, so no text can add a header or a
 * recipient; neither can a value within an address.
 */

import type { Values } from '#config/expression.ts';
import { mailboxesIn, partsOfMailbox } from '#config/mail-address.ts';
import { fillText, parseTemplate } from '#config/template.ts';

export interface Mailbox {
  /** What is shown beside the address; may be empty. */
  readonly name: string;
  readonly address: string;
}

/** A mail to more people than this is a mistake. */
const MAX_ADDRESSES = 1000;

/** `a@example.com` or `Name <a@example.com>`; undefined where it is neither. */
export function mailboxOf(text: string): Mailbox | undefined {
  const parts = partsOfMailbox(text);
  return parts && { name: oneLine(parts.name.replaceAll('"', ''), 100), address: parts.address };
}

/** What ends an address, or begins another one. */
const BREAKS_OUT = /[\s,;<>"()@\\]/;

/**
 * The list of a definition with its values filled in. A value that stands alone between commas may be several addresses.
 * @throws Error with the value that does not fit into an address
 */
export function filledAddresses(text: string, values: Values): string {
  const parts = parseTemplate(text);
  const isAlone = (index: number): boolean => {
    const [before = '', after = ''] = [parts[index - 1], parts[index + 1]];
    return /(?:^|[,\n])\s*$/.test(textIn(before)) && /^\s*(?:[,\n]|$)/.test(textIn(after));
  };
  return parts
    .map((part, index) => {
      if (typeof part === 'string') return part;
      const value = fillText([part], values);
      if (isAlone(index) || !BREAKS_OUT.test(value)) return value;
      throw new Error(`${JSON.stringify(oneLine(value, 60))} cannot stand within an address`);
    })
    .join('');
}

/** A value beside another one leaves neither of them alone. */
function textIn(part: string | object): string {
  return typeof part === 'string' ? part : '{}';
}

/** The addresses of a list with commas or line breaks, each once; or which one is none, counted from 1. */
export function addressesIn(text: string): { readonly addresses: readonly string[] } | { readonly fault: string } {
  const items = mailboxesIn(text);
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
