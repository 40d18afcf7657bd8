/**
 * The content of a file of the outbox: a checksum, and the report with the moment it was written and the proof of a death.
 * Fields that another version adds are ignored, and a file without a proof has none. Pure.
 *
 * Invariant: the report that is read is the report that was written. A name with a changed bit would have another host evacuated.
 */

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type ReportedProof, readProof } from '#protocol/death-proof.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { MAX_NOTIFICATION_BYTES, type NotificationBody, parseNotification } from '#protocol/notification.ts';
import type { Moment } from './age.ts';

/** The report, the moment and the checksum. */
export const MAX_REPORT_BYTES = MAX_NOTIFICATION_BYTES + 1024;

export interface Report {
  readonly body: NotificationBody;
  readonly written: Moment;
  readonly proof: ReportedProof;
}

/** It can never be delivered. */
export class UnusableReport extends Error {
  override readonly name = 'UnusableReport';
}

const reportSchema = v.object({
  written: v.object({ wallMs: v.number(), bootId: v.string(), uptimeMs: v.number() }),
  body: v.unknown(),
  proof: v.optional(v.unknown()),
});

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Throws `InvalidNotification` if an engine could not accept it, and `UnusableReport` if it is too long. */
export function formatReport({ body, written, proof }: Report): string {
  parseNotification(body);
  const text = JSON.stringify({ written, body, ...(proof === 'none' ? {} : { proof }) });
  const report = `${sum(text)}\n${text}\n`;
  if (Buffer.byteLength(report) > MAX_REPORT_BYTES) {
    throw new UnusableReport(`a report is longer than ${MAX_NOTIFICATION_BYTES} bytes`);
  }
  return report;
}

/** Throws `UnusableReport`. */
export function parseReport(content: string): Report {
  const [checksum, text = '', rest] = content.split('\n');
  if (rest !== '' || checksum !== sum(text)) throw new UnusableReport('its checksum is wrong: it is damaged');
  try {
    const { written, body, proof } = v.parse(reportSchema, JSON.parse(text));
    parseNotification(body);
    return { written, body: body as NotificationBody, proof: readProof(proof) };
  } catch (error) {
    const reason = errorMessage(error);
    throw new UnusableReport(`it is no notification: ${reason}`, { cause: error });
  }
}
