/**
 * The hint that the alert agent sends to the host monitor through a unix socket: poll now.
 *
 * Invariant: a hint is never a fact. Its only effect is an earlier poll of Pacemaker, for any content. A lost hint costs time,
 * a forged one costs a poll, and only one poll runs at a time for any number of hints.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { claimSocketPath } from '#protocol/socket-path.ts';

/** Alert agents run as a user of this group. */
const GROUP = 'haclient';
const MAX_CONNECTIONS = 16;
const MAX_BYTES = 1024;
/** A peer that has not finished after this time is disconnected. */
const PEER_TIMEOUT_MS = 2_000;

/** Calls `onHint` with the text (for the log) until the signal. Throws if the socket cannot be created. */
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
  // A connection that could not be accepted is a lost hint: the next poll detects the same.
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
    // A connection alone is a hint: every peer that may connect may request a poll.
    onHint(words.slice(0, MAX_BYTES).replaceAll(/\s+/g, ' ').trim());
  });
}

/** Lets the group haclient connect, if there is such a group and this process may change the owner. */
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

/** Resolves when it is sent, cannot be sent, or timed out; returns which. Never throws. */
export function sendHint(path: string, words: string, timeoutMs: number): Promise<'sent' | 'no listener' | 'too slow'> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (how: 'sent' | 'no listener' | 'too slow') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end('too slow'), timeoutMs);
    socket.on('error', () => end('no listener'));
    socket.on('end', () => end('sent'));
    socket.resume();
    socket.end(`${words.slice(0, MAX_BYTES - 1)}\n`);
  });
}
