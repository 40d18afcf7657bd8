/**
 * One mail in its transfer format.
 *
 * Invariant: the same recovery, task and address give the same Message-ID, so that a mail that arrives twice is recognised.
 */
import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { keyOf, type Mailbox, oneLine } from './address.ts';

/** Of a subject, characters. */
const MAX_SUBJECT = 200;

export interface MailMessage {
  readonly from: Mailbox;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
}

/** @param stepKey that of the task: the same in every attempt and round of a recovery */
export function messageIdOf(stepKey: string, to: string, from: Mailbox): string {
  const hash = createHash('sha256')
    .update(`${stepKey}\n${keyOf(to)}`)
    .digest('hex')
    .slice(0, 32);
  return `<${hash}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`;
}

/** Plain text in UTF-8. @param at ms UTC */
export async function written({ from, to, subject, text, messageId }: MailMessage, at: number): Promise<Buffer> {
  const composer = new MailComposer({
    from: { name: from.name, address: from.address },
    to: { name: '', address: to },
    subject: oneLine(subject, MAX_SUBJECT),
    text,
    messageId,
    date: new Date(at),
    // RFC 3834: no vacation notice responds to it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}
