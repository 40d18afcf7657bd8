/**
 * Mail addresses: those that an operator may write, and those that are accepted from other sources. Pure.
 *
 * Why two rules: a mail server reads more into an address than its syntax. `root@localhost` is a local user, `|program@…` and `/file@…`
 * may be a program or a file in its aliases, `user%host@relay` and `host!user@relay` are routes through it, and text in quotes is
 * read as it likes. An operator may want some of these. The owner of an instance, or the output of a task, must not choose them.
 */
import { domainToASCII } from 'node:url';

/** Longest that SMTP carries (RFC 5321, 4.5.3.1.3, without the angle brackets). */
const MAX_ADDRESS = 254;
const ADDRESS = /^[^\s<>@,;:"()[\]\\\p{C}]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;
const MAILBOX = /^(?:(?<name>[^<>]*?)\s*<(?<inner>[^<>]*)>|(?<bare>.*))$/su;

export function isAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}

/** Not first "-", which a server may hand to a program as an option, and nothing that Postfix, Exim or Sendmail read as more than a name. */
const NAME_OF_OTHERS = /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_+='-]|\.(?!\.|$))*$/u;
const MAX_NAME_BYTES = 64;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_DOMAIN = 253;
/** The last label of a name of the machine itself, or of an IPv4 address. */
const LOCAL = /^(?:localhost|localdomain)\d*$|^\d+$/;

/**
 * Whether an address that the operator did not choose may get a mail: a plain name at a domain of the Internet's form.
 * @param ownNames names of this machine: mail to a user there would go to a local user
 */
export function isOthersAddress(text: string, ownNames: readonly string[] = []): boolean {
  if (!isAddress(text)) return false;
  const at = text.lastIndexOf('@');
  const name = text.slice(0, at);
  const written = text.slice(at + 1).toLowerCase();
  // Letters that stand for others (full width, ligatures) would be another domain to the server than to a reader.
  if (written !== written.normalize('NFKC')) return false;
  const domain = domainToASCII(written);
  const labels = domain.split('.');
  return (
    NAME_OF_OTHERS.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES &&
    domain.length <= MAX_DOMAIN &&
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label)) &&
    !LOCAL.test(labels.at(-1) ?? '') &&
    !ownNames.some((own) => own.toLowerCase() === domain)
  );
}

/** `a@example.com` or `Name <a@example.com>`, the name as written; undefined where it is neither. */
export function partsOfMailbox(text: string): { readonly name: string; readonly address: string } | undefined {
  const { name = '', inner, bare } = MAILBOX.exec(text.trim())?.groups ?? {};
  const address = (inner ?? bare ?? '').trim();
  return isAddress(address) ? { name, address } : undefined;
}

/** The items of a list of addresses, which commas or line breaks separate. */
export function mailboxesIn(text: string): readonly string[] {
  return text.split(/[,\r\n]/).filter((item) => item.trim() !== '');
}
