/** The reason of a failed handshake, as text for an operator. Pure. */

/** Codes of OpenSSL and of Node on the server: the fault of the client. */
const OF_CLIENT: Readonly<Record<string, string>> = {
  ERR_SSL_BINDER_DOES_NOT_VERIFY: 'it has another key',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'it shows no key',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it shows no certificate',
  ERR_SSL_NO_SHARED_CIPHER: 'it has no cipher in common with us',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it does not use TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not use TLS',
  ERR_SSL_HTTP_REQUEST: 'it uses HTTP',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'it uses HTTP',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the handshake in time',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an authority that is not in ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that is not in ca_file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is of an authority that is not in ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an authority that is not in ca_file',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is of an authority that is not in ca_file',
  CERT_SIGNATURE_FAILURE: 'its certificate is of an authority that is not in ca_file',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; are the clocks right?',
  INVALID_PURPOSE: 'its certificate is not made for this use',
};

/** The same on the client: the engine's alert about us, or the fault of the engine. */
const OF_ENGINE: Readonly<Record<string, string>> = {
  ...OF_CLIENT,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR:
    'it does not accept our key, which may be revoked or too old; its log has the reason',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': 'it does not accept keys, or not ours; key_file must be set on both sides',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it requires a certificate; set certificate_file here',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': 'it does not accept our certificate',
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED': 'our certificate has expired',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'our certificate is of an authority that it does not trust',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not use TLS 1.3',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is made for another name than the one in [transport] engines',
};

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The server's reason for turning a client away; undefined if the peer only disconnected. */
export function faultOfClient(error: unknown, certificateFault: unknown): string | undefined {
  // Node closes on an invalid certificate without a reason in the error.
  const code = typeof certificateFault === 'string' ? certificateFault : codeOf(error);
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT') return undefined;
  return OF_CLIENT[code] ?? `the handshake failed (${code || 'no reason given'})`;
}

/** The client's reason for a failed handshake with an engine; undefined for an error outside of TLS. */
export function faultOfEngine(error: unknown): string | undefined {
  const code = codeOf(error);
  if (Object.hasOwn(OF_ENGINE, code)) return OF_ENGINE[code];
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') ? `the handshake failed (${code})` : undefined;
}
