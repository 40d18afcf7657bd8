/**
 * The body of a response: received, decoded and parsed within bounds.
 *
 * Invariant: neither the received nor the decoded bytes exceed the limit, so that a small response cannot fill the memory.
 */
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';

/** What `decodeBody` can decode; the value of Accept-Encoding. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate';

const decoders = { gzip: promisify(gunzip), inflate: promisify(inflate), raw: promisify(inflateRaw) };
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** @param encoding the header Content-Encoding. Throws an Error with the reason; it contains nothing of the body. */
export async function decodeBody(bytes: Buffer, encoding: unknown, maxBytes: number): Promise<Buffer> {
  const name = encodingOf(bytes, encoding);
  if (name === 'identity' || bytes.length === 0) return bytes;
  try {
    return await decoders[name](bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'damaged';
    const why =
      code === 'ERR_BUFFER_TOO_LARGE' ? `is larger than ${maxBytes} bytes when decoded` : `is damaged (${code})`;
    throw new Error(`the ${name === 'gzip' ? 'gzip' : 'deflate'} response ${why}`, { cause });
  }
}

function encodingOf(bytes: Buffer, encoding: unknown): 'identity' | keyof typeof decoders {
  const name = Array.isArray(encoding) ? encoding.join(',') : String(encoding ?? '');
  switch (name.trim().toLowerCase()) {
    case '':
    case 'identity':
      // JSON never starts with these bytes: the header is missing.
      return bytes.subarray(0, 2).equals(GZIP_MAGIC) ? 'gzip' : 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return isZlib(bytes) ? 'inflate' : 'raw';
    default:
      throw new Error(`Content-Encoding ${JSON.stringify(name.slice(0, 40))} is not supported (gzip, deflate are)`);
  }
}

/** "deflate" means the format of zlib (RFC 1950), and some servers send the raw one (RFC 1951). */
function isZlib(bytes: Buffer): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
}
