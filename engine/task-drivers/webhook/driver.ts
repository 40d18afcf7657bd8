/**
 * A task that is an HTTP request.
 *
 * Invariants: every attempt carries the step key of the task as its `Idempotency-Key`; secrets are read again from their files for each
 * attempt, and are in no message.
 */

import { readSecret } from '#config/document/secret-file.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { Redaction } from '#protocol/redaction.ts';
import { NotDone } from '../../flow/outcome.ts';
import type { Values } from '../../flow/plan.ts';
import type { Driver, DriverCall } from '../driver.ts';
import { Connection } from './connection.ts';
import { requestOf, type WebhookSecrets } from './request.ts';
import { decisionOn } from './response-decision.ts';

/** Waits between attempts if the service does not set one; the first is also the minimum. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export const webhook: Driver = {
  steps: 'one',

  async run(call: DriverCall): Promise<Values> {
    const { context, definition, options } = call;
    const { clock, guard, signal } = context;
    await using connection = await notDoneIfThrown(async () => Connection.open(String(options.caFile), guard, signal));
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      const secrets = await notDoneIfThrown(async () => secretsOf(options));
      const request = requestOf(call, secrets, clock.now());
      const redaction = new Redaction([...Object.values(secrets), ...secretParts(secrets)]);
      const outcome = await connection.send(request);
      const decision = decisionOn(outcome, request.what, definition.provides, (text) => redaction.redact(text));
      if (decision.is === 'failed') throw decision.error;
      if (decision.is === 'done') {
        context.progress(decision.message, 1);
        return decision.outputs;
      }
      const pauseMs = Math.max(decision.afterMs ?? waitMs, FIRST_WAIT_MS);
      context.progress(`${decision.message}; retry in ${Math.ceil(pauseMs / 1000)} s`);
      // Interrupted here, it was certainly not done.
      await notDoneIfThrown(() => clock.sleep(pauseMs, signal));
    }
  },
};

function secretsOf({ urlFile, tokenFile, hmacKeyFile }: DriverCall['options']): WebhookSecrets {
  const read = (file: unknown, what: string): string | undefined =>
    file === undefined || file === null || file === '' ? undefined : readSecret(String(file), what);
  const url = read(urlFile, 'the URL of a webhook');
  const token = read(tokenFile, 'the token of a webhook');
  const hmacKey = read(hmacKeyFile, 'the key that signs a webhook');
  return {
    ...(url === undefined ? {} : { url }),
    ...(token === undefined ? {} : { token }),
    ...(hmacKey === undefined ? {} : { hmacKey }),
  };
}

/** Shorter parts of a URL are words like `v1`, which a message may contain. */
const LEAST_SECRET = 4;

/** A server tends to quote the path of a URL without its host, or the part of it that it does not know. */
function secretParts({ url }: WebhookSecrets): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { pathname, search, searchParams } = new URL(url);
  const parts = [...pathname.split('/'), ...searchParams.values()].filter((part) => part.length >= LEAST_SECRET);
  return [...[pathname + search, pathname].filter((part) => part.length > 1), ...parts];
}

/** Errors before anything is sent. */
async function notDoneIfThrown<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NotDone(errorMessage(error), 'work', error);
  }
}
