/** The files of secrets and authorities that webhooks and mails name, as this host has them now: what would keep a task from being done. */
import type { CustomSection, CustomTask, DriverName } from '#config/custom-tasks.ts';
import { readConfigurationFile } from '#config/files.ts';
import { readSecret } from '#config/secret-file.ts';
import { urlOf } from '#engine/tasks/custom/webhook/request.ts';

interface Named {
  /** The field of the driver's options, and the option. */
  readonly field: string;
  readonly option: string;
  /** What the file should hold. */
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
  return (FILES[task.driver] ?? []).flatMap((named) => {
    const fault = faultOf(named, task);
    return fault === undefined ? [] : [{ option: named.option, fault }];
  });
}

function faultOf({ field, holds, kind }: Named, { options }: CustomTask): string | undefined {
  const file = options[field];
  if (typeof file !== 'string' || file === '') return undefined;
  try {
    // By the rule of the driver, which reads it anew for each try.
    const secret = kind === 'secret' ? readSecret(file, holds) : '';
    if (field === 'urlFile') checkUrl(file, secret);
    if (kind === 'authority') readAuthorities(file, holds);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function checkUrl(file: string, secret: string): void {
  try {
    urlOf(secret);
  } catch (cause) {
    throw new Error(`${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function readAuthorities(file: string, holds: string): void {
  let content: ReturnType<typeof readConfigurationFile>;
  try {
    content = readConfigurationFile(file);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no regular file';
    throw new Error(`${file} cannot be read (${why}); it should hold ${holds}`, { cause });
  }
  if (content === undefined) throw new Error(`${file} does not exist; it should hold ${holds}`);
  if (!/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(Buffer.from(content.bytes).toString('latin1'))) {
    throw new Error(`${file} holds no certificate in PEM; it should hold ${holds}`);
  }
}
