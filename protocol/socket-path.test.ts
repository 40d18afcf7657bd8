import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcClient } from './client.ts';
import { RpcServer } from './server.ts';
import { claimSocketPath } from './socket-path.ts';

let directory = '';
let path = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recovery-agent-socket-'));
  path = join(directory, 's.sock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const METHODS = { ping: async () => 'pong' };

/** Listens in a process of its own, so that it can be killed or stopped. */
async function otherListener(): Promise<{ readonly pid: number; end(): Promise<void> }> {
  const code = `require('net').createServer().listen({path: process.argv[1], backlog: 1}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', code, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    pid: child.pid ?? -1,
    end: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Whether the kernel accepted one more connection for the listener. */
function isQueued(socketPath: string, queued: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: socketPath });
    queued.push(socket);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
}

describe('the socket of a server', () => {
  it('is open to its user and group only, for any umask, which is not changed', async () => {
    const before = process.umask();
    const server = await RpcServer.listen(path, METHODS);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(process.umask()).toBe(before);
    await server.close();
  });

  it('is gone after the server was closed, and so are its connections', async () => {
    const server = await RpcServer.listen(path, METHODS);
    using client = await RpcClient.connect(path);
    expect(await client.call('ping')).toBe('pong');
    await server.close();
    await client.closed;
    expect(existsSync(path)).toBe(false);
  });

  it('replaces one whose owner was killed', async () => {
    const dead = await otherListener();
    await dead.end();
    expect(statSync(path).isSocket()).toBe(true);
    const server = await RpcServer.listen(path, METHODS);
    using client = await RpcClient.connect(path);
    expect(await client.call('ping')).toBe('pong');
    await server.close();
  });

  it('does not change one on which a process responds', async () => {
    const server = await RpcServer.listen(path, METHODS);
    await expect(RpcServer.listen(path, METHODS)).rejects.toThrow(expect.objectContaining({ name: 'SocketInUse' }));
    using client = await RpcClient.connect(path);
    expect(await client.call('ping')).toBe('pong');
    await server.close();
  });

  it('does not change one whose owner hangs with its queue full', async () => {
    const hanging = await otherListener();
    try {
      process.kill(hanging.pid, 'SIGSTOP');
      const queued: Socket[] = [];
      while (await isQueued(path, queued));
      await expect(RpcServer.listen(path, METHODS)).rejects.toThrow(/already listens on/);
      await expect(RpcClient.connect(path)).rejects.toThrow(/takes no connections/);
      expect(statSync(path).isSocket()).toBe(true);
      for (const socket of queued) socket.destroy();
    } finally {
      await hanging.end();
    }
  });

  it('reports the owner of the socket and its option', async () => {
    const owner = { who: 'a host monitor', option: '[host] alert_socket' };
    writeFileSync(path, 'precious');
    await expect(claimSocketPath(path, owner)).rejects.toThrow(/choose another \[host\] alert_socket$/);
    await expect(claimSocketPath(join(directory, 'none', 's'), owner)).rejects.toThrow(/create it$/);
    rmSync(path);
    const server = await RpcServer.listen(path, METHODS);
    await expect(claimSocketPath(path, owner)).rejects.toThrow(`a host monitor already listens on ${path}`);
    await server.close();
  });

  it('never replaces a file that is no socket', async () => {
    writeFileSync(path, 'precious');
    await expect(RpcServer.listen(path, METHODS)).rejects.toThrow(/is there and no socket/);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it.each([
    ['a directory that is not there', () => join(directory, 'none', 's.sock'), /none of the socket.*ENOENT.*create it/],
    ['a path that is too long', () => join(directory, 'x'.repeat(120)), /at most 107 bytes/],
  ])('reports the reason for %s', async (_, where, message) => {
    await expect(RpcServer.listen(where(), METHODS)).rejects.toThrow(message);
  });
});
