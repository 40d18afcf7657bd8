/** What a mail address looks like, for definitions and for whoever writes to one. */

/** Longest that SMTP carries (RFC 5321, 4.5.3.1.3, without the angle brackets). */
const MAX_ADDRESS = 254;
const ADDRESS = /^[^\s<>@,;:"()[\]\\\p{C}]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;
const MAILBOX = /^(?:(?<name>[^<>]*?)\s*<(?<inner>[^<>]*)>|(?<bare>.*))$/su;

export function isAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}

/** `a@example.com` or `Name <a@example.com>`, the name as it stands there; undefined where it is neither. */
export function partsOfMailbox(text: string): { readonly name: string; readonly address: string } | undefined {
  const { name = '', inner, bare } = MAILBOX.exec(text.trim())?.groups ?? {};
  const address = (inner ?? bare ?? '').trim();
  return isAddress(address) ? { name, address } : undefined;
}

/** The items of a list of addresses, which commas or line breaks separate. */
export function mailboxesIn(text: string): readonly string[] {
  return text.split(/[,\r\n]/).filter((item) => item.trim() !== '');
}
