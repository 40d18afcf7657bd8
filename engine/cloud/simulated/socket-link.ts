/** The link to a world in another process. After a lost connection the outcome of a request is unknown, as with any network. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { CloudError } from '#openstack/cloud-error.ts';
import type { Link } from './client.ts';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: CloudError): void;
}

const ANSWER_TIMEOUT_MS = 30_000;

/** @param address the path of a unix socket, or `HOST:PORT` */
export function socketLink(address: string): Link {
  const [, host = '', port = ''] = /^([^/]+):(\d+)$/.exec(address) ?? [];
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let socket: Promise<Socket> | undefined;

  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const created = port === '' ? connect(address) : connect(Number(port), host);
      created.once('connect', () => resolve(created));
      created.on('error', (error) => {
        reject(new CloudError('unreachable', `the simulated cloud at ${address} is not there: ${error.message}`));
      });
      created.once('close', () => {
        socket = undefined;
        for (const one of waiting.values())
          one.reject(new CloudError('unknown', 'the simulated cloud closed the connection'));
        waiting.clear();
      });
      const lines = createInterface({ input: created });
      // It repeats the socket's errors, which are reported by `error` and `close` above.
      lines.on('error', () => {});
      lines.on('line', (line) => {
        const { id, result, error } = JSON.parse(line);
        const one = waiting.get(id);
        waiting.delete(id);
        if (error) one?.reject(new CloudError(error.kind, error.message, error));
        else one?.resolve(result);
      });
    });

  return {
    description: `simulated ${address}`,
    call: async (method, args, { signal, mayLeave }) => {
      socket ??= open();
      const connected = await socket.catch((error: unknown) => {
        socket = undefined;
        throw error;
      });
      signal?.throwIfAborted();
      if (mayLeave && !mayLeave()) throw new CloudError('unreachable', 'the lease was not confirmed in time');
      const id = nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const give = (): void => reject(new CloudError('unknown', `${method} got no response`));
      const timer = setTimeout(give, ANSWER_TIMEOUT_MS);
      signal?.addEventListener('abort', give, { once: true });
      waiting.set(id, { resolve, reject });
      connected.write(`${JSON.stringify({ id, method, args })}\n`);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', give);
        waiting.delete(id);
      }
    },
    close: async () => {
      (await socket?.catch(() => undefined))?.destroy();
    },
  };
}
