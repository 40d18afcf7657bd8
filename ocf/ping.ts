/**
 * Checks whether the engine responds, with nothing but node:net: the cluster does this every few seconds on every node.
 */
import { connect } from 'node:net';

export type PingAnswer =
  | { readonly is: 'answering'; readonly result: unknown }
  /** No process listens. */
  | { readonly is: 'absent' }
  /** A process listens and does not respond, or responds with an error. */
  | { readonly is: 'silent'; readonly reason: string };

/** Of connect(2) to a unix socket: no such file, no listener or no socket at all, no such folder, no possible path. */
const ABSENT = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'ENOTSOCK']);

const MAX_ANSWER_BYTES = 1024 * 1024;

/** Calls one method without parameters. */
export function callEngine(
  socket: string,
  method: string,
  timeoutMs: number,
  params: unknown = {},
): Promise<PingAnswer> {
  if (socket === '') return Promise.resolve({ is: 'absent' });
  return new Promise((resolve) => {
    const connection = connect(socket);
    let text = '';
    const end = (answer: PingAnswer): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.setTimeout(timeoutMs, () => end({ is: 'silent', reason: `timed out after ${timeoutMs / 1000} s` }));
    connection.on('connect', () => {
      connection.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`);
    });
    connection.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.length > MAX_ANSWER_BYTES) end({ is: 'silent', reason: 'its response has no end' });
      const line = text.indexOf('\n');
      if (line < 0) return;
      try {
        const { result, error } = JSON.parse(text.slice(0, line));
        end(error ? { is: 'silent', reason: String(error.message) } : { is: 'answering', result });
      } catch {
        end({ is: 'silent', reason: 'its response is not JSON' });
      }
    });
    connection.on('end', () => end({ is: 'silent', reason: 'it closed the connection' }));
    connection.on('error', (error: NodeJS.ErrnoException) => {
      end(ABSENT.has(error.code ?? '') ? { is: 'absent' } : { is: 'silent', reason: error.message });
    });
  });
}
