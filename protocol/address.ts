/** The address of an engine. */
import type { TlsIdentity } from './tls-identity.ts';

export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly identity: TlsIdentity };

/** For messages: the path, or `host:port`. */
export function describeAddress(
  address:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tls'; readonly host: string; readonly port: number },
): string {
  if (address.kind === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
