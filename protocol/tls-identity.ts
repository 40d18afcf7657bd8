/**
 * How an engine and a host prove to each other who they are: both hold one key, or each has a certificate of an
 * authority that both trust.
 *
 * Invariant: nobody gets a connection who has not proven it, on either side. TLS 1.3 only, with an ephemeral exchange of
 * keys, so that a key which leaks tomorrow does not open what was recorded today.
 */
import { isIP } from 'node:net';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { IdentityUnusable, readPreSharedKey, readPrivateFile } from './pre-shared-key.ts';

export type TlsIdentity =
  | { readonly kind: 'key'; readonly key: Buffer }
  | { readonly kind: 'certificates'; readonly authority: Buffer; readonly certificate: Buffer; readonly key: Buffer };

/** Paths; empty where there is none. */
export interface IdentityFiles {
  readonly keyFile: string;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly certificateKeyFile: string;
}

const MAX_PEM_BYTES = 256 * 1024;
/** Both sides say this name, so that another program with the same key is told apart. */
const PSK_NAME = 'recovery-agent';
/** A key from outside TLS goes with SHA-256 suites only (OpenSSL, SSL_CTX_set_psk_server_callback(3)). */
const PSK_SUITE = 'TLS_AES_128_GCM_SHA256';

/** Throws `IdentityUnusable`. */
export function readIdentity(files: IdentityFiles): TlsIdentity {
  if (files.keyFile !== '') return { kind: 'key', key: readPreSharedKey(files.keyFile) };
  for (const [name, path] of Object.entries({
    ca_file: files.caFile,
    certificate_file: files.certificateFile,
    certificate_key_file: files.certificateKeyFile,
  })) {
    if (path === '') {
      throw new IdentityUnusable(`[transport] names neither key_file nor ${name}; make a key: recovery-agent keygen`);
    }
  }
  return {
    kind: 'certificates',
    authority: readPrivateFile(files.caFile, MAX_PEM_BYTES, 0),
    certificate: readPrivateFile(files.certificateFile, MAX_PEM_BYTES, 0),
    key: readPrivateFile(files.certificateKeyFile, MAX_PEM_BYTES, 0o007),
  };
}

export function serverOptions(identity: TlsIdentity): TlsOptions {
  if (identity.kind === 'key') {
    return {
      minVersion: 'TLSv1.3',
      ciphers: PSK_SUITE,
      pskCallback: (_, name) => (name === PSK_NAME ? identity.key : null),
    };
  }
  const { authority, certificate, key } = identity;
  return {
    minVersion: 'TLSv1.3',
    ca: authority,
    cert: certificate,
    key,
    requestCert: true,
    rejectUnauthorized: true,
  };
}

/** @param host the name or address that was asked for; a certificate must be made for it */
export function clientOptions(identity: TlsIdentity, host: string): ConnectionOptions {
  if (identity.kind === 'key') {
    return {
      minVersion: 'TLSv1.3',
      ciphers: PSK_SUITE,
      pskCallback: () => ({ psk: identity.key, identity: PSK_NAME }),
      // Who shows a certificate instead of knowing the key is nobody, whoever signed it.
      ca: [],
      checkServerIdentity: () => new Error('it does not know the key'),
    };
  }
  const { authority, certificate, key } = identity;
  const name = isIP(host) === 0 ? { servername: host } : {};
  return { minVersion: 'TLSv1.3', ca: authority, cert: certificate, key, ...name };
}
