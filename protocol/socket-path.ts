/**
 * Makes the path of a unix socket free to listen on.
 *
 * Invariant: a socket is removed only if the kernel reports that no process listens on it; an unclear result counts as a listener.
 */
import { accessSync, constants, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** sun_path of unix(7) has 108 bytes, one of them the end. */
const MAX_PATH_BYTES = 107;

/** Another process listens there; nothing was changed. */
export class SocketInUse extends Error {
  override readonly name = 'SocketInUse';
}

/** No socket can be created there; the message has the reason and a remedy. */
export class SocketUnusable extends Error {
  override readonly name = 'SocketUnusable';
}

/** The owner of the socket, for the messages. */
export interface SocketOwner {
  /** e.g. `an engine`. */
  readonly who: string;
  /** The option with its path, e.g. `[engine] socket`. */
  readonly option: string;
}

const ENGINE: SocketOwner = { who: 'an engine', option: '[engine] socket' };

/** Removes a socket without a listener. Throws `SocketInUse` or `SocketUnusable`. */
export async function claimSocketPath(path: string, { who, option }: SocketOwner = ENGINE): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new SocketUnusable(`the path of a socket has at most ${MAX_PATH_BYTES} bytes: ${path}`);
  }
  const directory = dirname(path);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const advice = code === 'ENOENT' ? 'create it' : `let the user of ${who} write there`;
    throw new SocketUnusable(`the directory ${directory} of the socket cannot be used (${code}); ${advice}`, {
      cause: error,
    });
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) {
    throw new SocketUnusable(`${path} is there and no socket; remove it or choose another ${option}`);
  }
  if (await isListenedOn(path)) throw new SocketInUse(`${who} already listens on ${path}`);
  rmSync(path, { force: true });
}

/** A unix socket responds at once: connected, refused, or its queue is full (EAGAIN), which only a listener can have. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
