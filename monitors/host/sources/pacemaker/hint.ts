/**
 * "Look now": what the alert agent tells the host monitor through a unix socket.
 *
 * Invariant: a hint is never a fact. Whatever is sent, the only effect is that Pacemaker is asked sooner; so a hint that is
 * lost costs time and one that is forged costs a look, and there is no more than one look under way for any number of them.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { claimSocketPath } from '#protocol/socket-path.ts';

/** Alert agents run as a user of this group. */
const GROUP = 'haclient';
const MAX_CONNECTIONS = 16;
const MAX_BYTES = 1024;
/** A peer that has not finished by then is cut off. */
const PEER_TIMEOUT_MS = 2_000;

/** Calls `onHint` with what was said (for the log) until the signal. Throws when the socket cannot be made. */
export async function listenForHints(
  path: string,
  onHint: (words: string) => void,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await claimSocketPath(path, { who: 'a host monitor', option: '[host] alert_socket' });
  const peers = new Set<Socket>();
  const server = createServer((socket) => {
    peers.add(socket);
    socket.on('close', () => peers.delete(socket));
    receive(socket, onHint);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path }, resolve);
    });
  } finally {
    process.umask(mask);
  }
  // A connection that could not be accepted is a hint lost: the next look sees the same.
  server.on('error', () => {});
  try {
    letAlertsIn(path);
  } catch (error) {
    server.close();
    rmSync(path, { force: true });
    throw error;
  }
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of peers) socket.destroy();
  await closed;
  rmSync(path, { force: true });
}

function receive(socket: Socket, onHint: (words: string) => void): void {
  let words = '';
  const timer = setTimeout(() => socket.destroy(), PEER_TIMEOUT_MS);
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    words += text;
    if (words.length > MAX_BYTES) socket.destroy();
  });
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    clearTimeout(timer);
    // A connection alone is a hint: whoever may connect may ask for a look.
    onHint(words.slice(0, MAX_BYTES).replaceAll(/\s+/g, ' ').trim());
  });
}

/** Group haclient may connect, where there is such a group and this process may give it away. */
function letAlertsIn(path: string): void {
  const id = groupId(GROUP);
  if (id === undefined || process.getuid?.() !== 0) return;
  chownSync(path, 0, id);
  chmodSync(path, 0o660);
}

function groupId(name: string): number | undefined {
  try {
    const entry = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([group]) => group === name);
    return entry?.[2] === undefined ? undefined : Number(entry[2]);
  } catch {
    return undefined;
  }
}

/** Resolves when it is sent, or cannot be, or the time is up; says which. Never throws. */
export function sendHint(
  path: string,
  words: string,
  timeoutMs: number,
): Promise<'sent' | 'nobody listens' | 'too slow'> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (how: 'sent' | 'nobody listens' | 'too slow') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end('too slow'), timeoutMs);
    socket.on('error', () => end('nobody listens'));
    socket.on('end', () => end('sent'));
    socket.resume();
    socket.end(`${words.slice(0, MAX_BYTES - 1)}\n`);
  });
}
