/** The files of secrets and authorities that webhooks and mails name, as they are on this host now: faults that would prevent a task. */

import { readTrustedFile, whyUnusable } from '#config/document/files.ts';
import { readSecret } from '#config/document/secret-file.ts';
import type { Value } from '#config/expressions/expression.ts';
import { isSecretName, secretReference } from '#config/pipelines/clear-secrets.ts';
import type { DriverForm } from '#config/pipelines/drivers/driver-form.ts';
import { DRIVERS, type DriverName } from '#config/pipelines/drivers/drivers.ts';
import { isInClearOnTheWay } from '#config/pipelines/drivers/webhook.ts';
import type { CustomSection, CustomTask } from '#config/pipelines/task-definition.ts';
import { urlOf } from '#engine/task-drivers/webhook/request.ts';
import { errorMessage } from '#protocol/error-message.ts';

interface Named {
  /** The field of the driver's options, and the option. */
  readonly field: string;
  readonly option: string;
  /** The expected content of the file. */
  readonly holds: string;
  readonly kind: 'secret' | 'authority';
}

const FILES: Readonly<Partial<Record<DriverName, readonly Named[]>>> = {
  webhook: [
    { field: 'urlFile', option: 'url_file', holds: 'the URL of a webhook', kind: 'secret' },
    { field: 'tokenFile', option: 'token_file', holds: 'the token of a webhook', kind: 'secret' },
    { field: 'hmacKeyFile', option: 'hmac_key_file', holds: 'the key that signs a webhook', kind: 'secret' },
    { field: 'caFile', option: 'ca_file', holds: 'certificates of authorities', kind: 'authority' },
  ],
  mail: [
    {
      field: 'smtpPasswordFile',
      option: 'smtp_password_file',
      holds: 'the password for the mail server',
      kind: 'secret',
    },
    { field: 'smtpCaFile', option: 'smtp_ca_file', holds: 'certificates of authorities', kind: 'authority' },
  ],
};

/** Each with the option that names the file; completes a sentence about the task. */
export function secretFileFaults({ task }: CustomSection): { readonly option: string; readonly fault: string }[] {
  const named = (FILES[task.driver] ?? []).flatMap((one) => {
    const fault = faultOf(one, task);
    return fault === undefined ? [] : [{ option: one.option, fault }];
  });
  return [...named, ...referenceFaults(task)];
}

/** Files that references name. Variables of the environment are those of the engine, which only the engine knows. */
function referenceFaults({
  driver,
  options,
  parameters,
}: CustomTask): { readonly option: string; readonly fault: string }[] {
  const form: DriverForm = DRIVERS[driver];
  const structures = (form.references ?? []).map(
    (field) => [form.options[field]?.name ?? field, options[field] ?? null] as const,
  );
  return [...Object.entries(parameters), ...structures].flatMap(([option, value]) =>
    fileReferencesIn(option, value).flatMap(([name, path]) => {
      try {
        readSecret(path, `the secret "${name}"`);
        return [];
      } catch (error) {
        return [{ option, fault: errorMessage(error) }];
      }
    }),
  );
}

/** Each with its name. */
function fileReferencesIn(name: string, value: Value): (readonly [name: string, path: string])[] {
  if (typeof value === 'string') {
    const reference = isSecretName(name) ? secretReference(value) : undefined;
    return reference?.from === 'file' ? [[name, reference.path]] : [];
  }
  if (Array.isArray(value)) return value.flatMap((item: Value) => fileReferencesIn(name, item));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([inner, item]) => fileReferencesIn(inner, item));
}

function faultOf({ field, holds, kind }: Named, { options }: CustomTask): string | undefined {
  const file = options[field];
  if (typeof file !== 'string' || file === '') return undefined;
  try {
    // By the rule of the driver, which reads it again for each attempt.
    const secret = kind === 'secret' ? readSecret(file, holds) : '';
    if (field === 'urlFile') checkUrl(file, secret);
    if (kind === 'authority') readAuthorities(file, holds);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

function checkUrl(file: string, secret: string): void {
  try {
    const { href } = urlOf(secret);
    if (isInClearOnTheWay(href)) throw new Error('it is a secret and must begin with https://');
  } catch (cause) {
    throw new Error(`${file} cannot be used: ${errorMessage(cause)}`, { cause });
  }
}

function readAuthorities(file: string, holds: string): void {
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(file);
  } catch (cause) {
    const why = whyUnusable(cause);
    throw new Error(`${file} cannot be read (${why}); it should hold ${holds}`, { cause });
  }
  if (content === undefined) throw new Error(`${file} does not exist; it should hold ${holds}`);
  if (!/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(Buffer.from(content.bytes).toString('latin1'))) {
    throw new Error(`${file} holds no certificate in PEM; it should hold ${holds}`);
  }
}
