/**
 * Mail addresses and lines of headers, from texts that others wrote. Pure.
 *
 * Invariant: no result contains a line break or another control character, so no text can add a header or a recipient; neither can a value
 * within an address.
 */

import { hostname } from 'node:os';
import type { Values } from '#config/expressions/evaluator.ts';
import { fillText, parseTemplate } from '#config/expressions/template.ts';
import { isOthersAddress, mailboxesIn, partsOfMailbox } from '#config/pipelines/drivers/mail-address.ts';
import { printable } from '#protocol/printable.ts';

export interface Mailbox {
  /** The name beside the address; may be empty. */
  readonly name: string;
  readonly address: string;
}

/** Maximum number of recipients of a mail; more are a mistake. */
const MAX_ADDRESSES = 1000;

/** `a@example.com` or `Name <a@example.com>`; undefined if it is neither. */
export function mailboxOf(text: string): Mailbox | undefined {
  const parts = partsOfMailbox(text);
  return parts && { name: oneLine(parts.name.replaceAll('"', ''), 100), address: parts.address };
}

/** Characters that end an address, or start another one. */
const BREAKS_OUT = /[\s,;<>"()@\\]/;

/**
 * The list of a definition with its values filled in. A value that is a whole item between commas may be several addresses.
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

/** A value beside another one is a whole item in neither case. */
function textIn(part: string | object): string {
  return typeof part === 'string' ? part : '{}';
}

/**
 * The addresses of a list with commas or line breaks, each once; or the number of the item that is none, counted from 1.
 * @param written the list as in the definition: any text that it does not contain in full came from a value
 */
export function addressesIn(
  text: string,
  written: string,
  ownNames: readonly string[] = [hostname()],
): { readonly addresses: readonly string[] } | { readonly fault: string } {
  const items = mailboxesIn(text);
  if (items.length === 0) return { fault: 'it names no address' };
  if (items.length > MAX_ADDRESSES) return { fault: `it names more than ${MAX_ADDRESSES} addresses` };
  const literal = new Set(mailboxesIn(written).map((item) => item.trim()));
  const addresses = new Map<string, string>();
  for (const [index, item] of items.entries()) {
    const found = mailboxOf(item);
    if (!found) return { fault: `its item ${index + 1} is no mail address: ${JSON.stringify(oneLine(item, 60))}` };
    if (!literal.has(item.trim()) && !isOthersAddress(found.address, ownNames)) {
      return {
        fault: `its item ${index + 1} is no address that a value may give: ${JSON.stringify(oneLine(item, 60))}`,
      };
    }
    if (!addresses.has(keyOf(found.address))) addresses.set(keyOf(found.address), found.address);
  }
  return { addresses: [...addresses.values()] };
}

/** Equal for addresses of the same person: no current server distinguishes them by case. */
export function keyOf(address: string): string {
  return address.toLowerCase();
}

/** A text for a header or a cell: on one line, and short. */
export function oneLine(text: string, max: number): string {
  const line = printable(text).replaceAll(/\s+/g, ' ').trim();
  const characters = Array.from(line);
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : line;
}
