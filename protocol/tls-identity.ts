/**
 * Authentication of an engine and a host to each other: by a key that only that host and engines have, or by certificates of an
 * authority that both trust.
 *
 * Invariant: a connection requires the proof of both sides. TLS 1.3 only, with an ephemeral exchange of
 * keys, so that a key that leaks later does not decrypt earlier connections.
 */

import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { errorMessage } from './error-message.ts';
import { hostOfCertificate } from './identity/certificate-host.ts';
import { parseHostKey } from './identity/host-key.ts';
import { isReplaced, type KeyRing, keyOf, spellingOf, whyRefused } from './identity/key-ring.ts';
import { formatPskName, type NamedKey, parsePskName } from './identity/psk-name.ts';
import { IdentityUnusable, readKeyFile, readPrivateFile, sharedKeyOf } from './pre-shared-key.ts';

/** The proof of a node's identity. */
export type TlsIdentity =
  | (NamedKey & { readonly kind: 'host key'; readonly key: Buffer })
  /** One key on every node, which proves only that; of earlier versions. */
  | { readonly kind: 'shared key'; readonly key: Buffer }
  | { readonly kind: 'certificates'; readonly authority: Buffer; readonly certificate: Buffer; readonly key: Buffer };

/** The proofs that an engine accepts. */
export type Admission =
  | { readonly kind: 'keys'; readonly ring?: () => KeyRing; readonly sharedKey?: Buffer }
  | Extract<TlsIdentity, { kind: 'certificates' }>;

/** Paths; empty if there is none. */
export interface IdentityFiles {
  readonly keyFile: string;
  /** Whether `keyFile` may contain a key that is the same on every node. */
  readonly sharedKey: 'refuse' | 'accept';
  readonly caFile: string;
  readonly certificateFile: string;
  readonly certificateKeyFile: string;
}

/** The proven identity of a peer. A key may be revoked while the connection is open: then `refusal` has the reason. */
export interface ProvenPeer {
  readonly host: string | undefined;
  readonly proof: 'host key' | 'shared key' | 'certificate';
  readonly refusal: () => string | undefined;
  /** If the host uses a key although a newer one was issued to it: the generation of the used one. */
  readonly replacedGeneration?: number;
}

const MAX_PEM_BYTES = 256 * 1024;
/** Both sides use this name if one key is shared. */
const SHARED_KEY_NAME = 'recovery-agent';
/** A key from outside TLS is used with SHA-256 suites only (OpenSSL, SSL_CTX_set_psk_server_callback(3)). */
const PSK_SUITE = 'TLS_AES_128_GCM_SHA256';

/** The proof of this node's identity to engines of other nodes. Throws `IdentityUnusable`. */
export function readIdentity(files: IdentityFiles): TlsIdentity {
  if (files.keyFile === '') return readCertificates(files);
  const bytes = readKeyFile(files.keyFile);
  let own: ReturnType<typeof parseHostKey>;
  try {
    own = parseHostKey(bytes);
  } catch (error) {
    const reason = errorMessage(error);
    throw new IdentityUnusable(`${files.keyFile} cannot be used: ${reason}; issue it again on a controller`, {
      cause: error,
    });
  }
  if (own !== undefined) {
    const { host, generation, serial, key } = own;
    return { kind: 'host key', host, generation, serial, key };
  }
  if (files.sharedKey === 'accept') return { kind: 'shared key', key: sharedKeyOf(bytes, files.keyFile) };
  throw new IdentityUnusable(
    `${files.keyFile} contains no key of this host alone; issue one on a controller with "recovery-agent key issue HOST" ` +
      '(a key that all nodes share is used only with [transport] shared_key = accept)',
  );
}

/** Throws `IdentityUnusable`. */
export function readCertificates(files: IdentityFiles): Extract<TlsIdentity, { kind: 'certificates' }> {
  for (const [name, path] of Object.entries({
    ca_file: files.caFile,
    certificate_file: files.certificateFile,
    certificate_key_file: files.certificateKeyFile,
  })) {
    if (path === '') {
      throw new IdentityUnusable(`[transport] names neither a key nor ${name}; see "recovery-agent key --help"`);
    }
  }
  return {
    kind: 'certificates',
    authority: readPrivateFile(files.caFile, MAX_PEM_BYTES, 0),
    certificate: readPrivateFile(files.certificateFile, MAX_PEM_BYTES, 0),
    key: readPrivateFile(files.certificateKeyFile, MAX_PEM_BYTES, 0o007),
  };
}

/** The side of an engine: its options of TLS, and the proven identity of a socket. */
export interface ServerSide {
  readonly options: TlsOptions;
  /** After the handshake. Undefined: none is proven, and the socket must be closed. */
  provenPeer(socket: TLSSocket): ProvenPeer | undefined;
  /** The claimed identity of a peer whose proof failed; for the log only. */
  claim(socket: TLSSocket): string | undefined;
}

export function serverSide(admission: Admission): ServerSide {
  switch (admission.kind) {
    case 'keys':
      return keySide(admission);
    case 'certificates':
      return certificateSide(admission);
    default:
      throw new IdentityUnusable(`no peer can prove its identity by ${(admission as { kind: string }).kind}`);
  }
}

function keySide({ ring, sharedKey }: Extract<Admission, { kind: 'keys' }>): ServerSide {
  const named = new WeakMap<TLSSocket, NamedKey | 'shared key'>();
  const claimed = new WeakMap<TLSSocket, string>();
  /** A refused name fails like a wrong key: a peer that is not authenticated learns nothing. */
  const noKey = (socket: TLSSocket, why: string): Buffer => {
    claimed.set(socket, why);
    return randomBytes(32);
  };
  return {
    options: {
      minVersion: 'TLSv1.3',
      ciphers: PSK_SUITE,
      pskCallback: (socket, name) => {
        if (name === SHARED_KEY_NAME) {
          named.set(socket, 'shared key');
          return sharedKey ?? noKey(socket, 'it has a key that all nodes share, which is not accepted');
        }
        const key = parsePskName(name);
        if (key === undefined || ring === undefined) return noKey(socket, 'it names no key that is known here');
        const keys = ring();
        named.set(socket, { ...key, host: spellingOf(keys, key.host) });
        const refusal = whyRefused(keys, key);
        claimed.set(socket, `as host ${key.host}`);
        if (refusal !== undefined) return noKey(socket, `as host ${key.host}: ${refusal}`);
        return keyOf(keys, key) ?? randomBytes(32);
      },
    },
    claim: (socket) => claimed.get(socket),
    provenPeer: (socket) => {
      const key = named.get(socket);
      if (key === undefined) return undefined;
      if (key === 'shared key') return { host: undefined, proof: 'shared key', refusal: () => undefined };
      return {
        host: key.host,
        proof: 'host key',
        refusal: () => ring && whyRefused(ring(), key),
        ...(ring && isReplaced(ring(), key) ? { replacedGeneration: key.generation } : {}),
      };
    },
  };
}

function certificateSide({ authority, certificate, key }: Extract<TlsIdentity, { kind: 'certificates' }>): ServerSide {
  return {
    options: {
      minVersion: 'TLSv1.3',
      ca: authority,
      cert: certificate,
      key,
      requestCert: true,
      rejectUnauthorized: true,
    },
    claim: () => undefined,
    provenPeer: (socket) => {
      const host = socket.isSessionReused() ? undefined : hostOfCertificate(socket.getPeerCertificate().subjectaltname);
      return host === undefined ? undefined : { host, proof: 'certificate', refusal: () => undefined };
    },
  };
}

/** @param host the requested name or address; the certificate must be issued for it */
export function clientOptions(identity: TlsIdentity, host: string): ConnectionOptions {
  switch (identity.kind) {
    case 'host key':
      return keyOptions(formatPskName(identity), identity.key);
    case 'shared key':
      return keyOptions(SHARED_KEY_NAME, identity.key);
    case 'certificates': {
      const { authority, certificate, key } = identity;
      const name = isIP(host) === 0 ? { servername: host } : {};
      return { minVersion: 'TLSv1.3', ca: authority, cert: certificate, key, ...name };
    }
    default:
      throw new IdentityUnusable(`no peer can prove its identity by ${(identity as { kind: string }).kind}`);
  }
}

function keyOptions(identity: string, psk: Buffer): ConnectionOptions {
  return {
    minVersion: 'TLSv1.3',
    ciphers: PSK_SUITE,
    pskCallback: () => ({ psk, identity }),
    // A peer that shows a certificate instead of the key proves nothing, for any authority.
    ca: [],
    checkServerIdentity: () => new Error('it does not know the key'),
  };
}
