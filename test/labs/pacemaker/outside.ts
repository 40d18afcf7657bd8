import { type ChildProcess, spawn } from 'node:child_process';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { OUTSIDE_ADDRESS, type World } from './world.ts';

const TIMEOUT_MS = 10_000;

/**
 * A TCP server of this very process on the address that the nodes see of the outside. A socket belongs for ever to the network
 * it was made in: a short-lived program inside the lab's network makes it and hands it over, so this machine's own network
 * has no part in it. `http.createServer(…).listen(server)` takes it, too.
 */
export async function listenOutside(world: World, port: number): Promise<Server> {
  const [program = '', ...words] = world.enter(
    '--net',
    process.execPath,
    join(import.meta.dirname, 'outside_listener.ts'),
  );
  const child = spawn(program, [...words, OUTSIDE_ADDRESS, `${port}`], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    timeout: TIMEOUT_MS,
  });
  return await handedOver(child, port);
}

function handedOver(child: ChildProcess, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    child.once('message', (_message, server) => {
      child.disconnect();
      resolve(server as Server);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`No process listens at ${OUTSIDE_ADDRESS}:${port}: the listener ended with ${code ?? signal}.`));
    });
  });
}
