/** Reads the one host of a certificate. Pure. */
import { RESERVED_IDENTITIES } from '../caller.ts';
import { isEqualHost, isHostName, isSameHost } from '../host-name.ts';

/**
 * @param names as Node prints the subject alternative names: `DNS:compute-1, IP Address:192.0.2.1`; a name that Node had to quote is no
 * host's. Undefined: there is none, there are several different hosts, or it is reserved.
 */
export function hostOfCertificate(names: string | undefined): string | undefined {
  const hosts = (names ?? '').split(', ').flatMap((one) => (one.startsWith('DNS:') ? [one.slice('DNS:'.length)] : []));
  const [longest] = hosts.toSorted((a, b) => b.length - a.length);
  if (longest === undefined || !hosts.every((host) => isHostName(host) && isSameHost(host, longest))) return undefined;
  return RESERVED_IDENTITIES.some((one) => isEqualHost(one, longest)) ? undefined : longest;
}
