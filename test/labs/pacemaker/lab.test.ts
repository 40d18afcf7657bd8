import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../waiting.ts';
import { claimDirectory, releaseDirectory } from './directories.ts';
import { installPackages } from './install.ts';
import { PacemakerLab, SHARED } from './lab.ts';
import { remainingProcesses, tracesOf } from './traces.ts';

/** That the lab is the cluster that the other tests take it for. */

const MEBIBYTE = 2 ** 20;
const outside = mkdtempSync(join(tmpdir(), 'pacemaker-outside-'));
const interfaces = (): string[] => execFileSync('ip', ['-brief', 'link'], { encoding: 'utf8' }).match(/^\S+/gm) ?? [];
const interfacesBefore = interfaces();
let lab: PacemakerLab;
let hasFailed = false;

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
const report = (...lines: readonly string[]): void => console.info(lines.join('\n'));

beforeAll(async () => {
  await installPackages();
  const began = performance.now();
  lab = await PacemakerLab.start({
    hostPaths: [{ hostPath: outside, nodePath: '/outside' }],
    sharedSizeBytes: 8 * MEBIBYTE,
  });
  report(`lab up after ${seconds(began)}`);
});

afterAll(async () => {
  await lab?.stop();
  rmSync(outside, { recursive: true, force: true });
  // The logs of a lab in which something failed stay.
  if (lab && !hasFailed) rmSync(lab.directory, { recursive: true, force: true });
});

afterEach(({ task }) => {
  hasFailed ||= task.result?.state === 'fail';
});

async function run(node: string, ...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.run(node, argv);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim();
}

/** Where the resource runs. */
async function nodeOf(resource: string): Promise<string> {
  const { nodes } = await lab.waitForResource(resource, { state: 'Started' }, 20);
  return nodes[0] ?? '';
}

test('three cluster nodes have quorum and a coordinator, and two remote nodes are connected', async () => {
  const view = await lab.crmMon('n2');
  expect(view.hasQuorum).toBe(true);
  expect(lab.nodes).toContain(view.dc);
  expect(view.nodes.map(({ name, type, isOnline }) => `${name} ${type} ${isOnline}`).sort()).toEqual([
    ...['c1 remote true', 'c2 remote true', 'n1 member true', 'n2 member true', 'n3 member true'],
  ]);
  expect(await Promise.all(lab.nodes.map((node) => run(node, 'hostname')))).toEqual(lab.nodes);
  expect(existsSync(lab.logs('n1').pacemaker)).toBe(true);
});

test('a node reaches a unix socket and a TCP server of the test, and the storage is one', async () => {
  const local = createServer((socket) => socket.end('through the file system')).listen(join(outside, 'cloud.sock'));
  const remote = await lab.listen();
  remote.on('connection', (socket) => socket.end('through the network'));
  const { port } = remote.address() as AddressInfo;
  const unixClient =
    'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/outside/cloud.sock"); print(s.recv(99).decode())';
  expect(await run('n3', 'python3', '-c', unixClient)).toBe('through the file system');
  expect(await run('n3', 'bash', '-c', `cat </dev/tcp/${lab.outsideAddress}/${port}`)).toBe('through the network');
  expect((await lab.run('n3', ['touch', '/outside/new'])).stderr).toContain('Read-only');
  local.close();
  remote.close();

  await run('n1', 'sh', '-c', `echo seen >${SHARED}/file`);
  expect(await run('n2', 'cat', `${SHARED}/file`)).toBe('seen');
  expect(readFileSync(join(lab.sharedDirectory, 'file'), 'utf8')).toBe('seen\n');
  await lab.fillShared();
  expect((await lab.run('n1', ['sh', '-c', `cat /etc/hostname >>${SHARED}/other`])).stderr).toContain('No space left');
  await lab.freeShared();
  await lab.unmountShared('n1');
  expect((await lab.run('n1', ['cat', `${SHARED}/file`])).status).toBe(1);
  await lab.mountShared('n1');
  expect(await run('n1', 'cat', `${SHARED}/file`)).toBe('seen');
});

test('a node has files and packages of its own, and a command ends with its client', async () => {
  const tree = join(outside, 'tree');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    'Package: labs-own\nVersion: 1\nArchitecture: all\nMaintainer: lab <l@b>\nDescription: x\n',
  );
  writeFileSync(join(tree, 'usr/bin/labs-own'), '#!/bin/sh\necho installed\n', { mode: 0o755 });
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, join(outside, 'labs-own.deb')]);
  await run('n1', 'dpkg', '--install', '/outside/labs-own.deb');
  expect(await run('n1', 'labs-own')).toBe('installed');
  expect((await lab.run('n2', ['which', 'labs-own'])).status).toBe(1);
  expect(existsSync('/usr/bin/labs-own')).toBe(false);
  await lab.putFile('all', '/etc/labs-own/file', 'content', 0o600);
  expect(await run('c2', 'stat', '--format=%a %s', '/etc/labs-own/file')).toBe('600 7');

  const endless = ['sh', '-c', 'sleep 1234 & sleep 1234'];
  await expect(lab.run('n2', endless, { timeoutMs: 500 })).rejects.toThrow('did not end within 500 ms');
  expect((await lab.run('n2', ['pgrep', '--full', 'sleep 123[4]'])).status).toBe(1);
});

test('a resource whose node loses power runs elsewhere after the node was fenced, and the node comes back', async () => {
  // Started only when it may not run on remote nodes any more.
  await lab.pcs('resource', 'create', 'dummy', 'ocf:heartbeat:Dummy', 'op', 'monitor', 'interval=5s', '--disabled');
  await lab.pcs('constraint', 'location', 'dummy', 'avoids', 'c1', 'c2');
  await lab.pcs('resource', 'enable', 'dummy');
  const node = await nodeOf('dummy');
  await lab.waitForIdle(60);
  const cut = performance.now();
  await lab.kill(node);
  const dead = seconds(cut);
  expect(lab.isAlive(node)).toBe(false);
  await lab.waitForFencing(node, 30);
  const fenced = seconds(cut);
  const { nodes } = await lab.waitForResource('dummy', { state: 'Started', notNode: node }, 30);
  report(
    `power cut of ${node}: dead after ${dead}, fenced after ${fenced}, dummy on ${nodes[0]} after ${seconds(cut)}`,
  );
  expect(await lab.fenceHistory()).toMatchObject([{ target: node, action: 'off', status: 'success' }]);
  expect(lab.powerSwitch.requests).toMatchObject([{ node, action: 'off', answer: 'ok' }]);

  const booted = performance.now();
  await lab.boot(node);
  report(`${node} back in the cluster after ${seconds(booted)}`);
  expect(await run(node, 'cat', '/etc/labs-own/file')).toBe('content');
});

test('standby moves the resource, and a node that is cut off is fenced', async () => {
  const left = await nodeOf('dummy');
  const standby = performance.now();
  await lab.pcs('node', 'standby', left);
  await lab.waitForResource('dummy', { state: 'Started', notNode: left }, 30);
  report(`standby of ${left}: dummy elsewhere after ${seconds(standby)}`);
  await lab.pcs('node', 'unstandby', left);

  const lost = await nodeOf('dummy');
  await lab.waitForIdle(60);
  const cut = performance.now();
  const cutAt = Date.now();
  await lab.partition(lost);
  await lab.waitForFencing(lost, 30, cutAt);
  const fenced = seconds(cut);
  expect(lab.isAlive(lost)).toBe(false);
  await lab.waitForResource('dummy', { state: 'Started', notNode: lost }, 30);
  report(`partition of ${lost}: fenced after ${fenced}, dummy elsewhere after ${seconds(cut)}`);
  await lab.heal(lost);
  await lab.boot(lost);
});

test('a remote node that loses power is fenced, and comes back', async () => {
  await lab.waitForOnline('c1', 60);
  await lab.waitForIdle(60);
  const cut = performance.now();
  const cutAt = Date.now();
  await lab.kill('c1');
  // As long as two attempts of the cluster to connect again, of 20 s each.
  await lab.waitForFencing('c1', 60, cutAt);
  const fenced = seconds(cut);
  const booted = performance.now();
  await lab.boot('c1');
  report(`power cut of c1: fenced after ${fenced}; back after ${seconds(booted)}`);
  expect((await lab.crmMon()).nodes).toContainEqual(expect.objectContaining({ name: 'c1', isUnclean: false }));
});

test('nothing is left of a lab that was stopped', async () => {
  const traces = tracesOf(lab.directory);
  expect(traces.processes.length).toBeGreaterThan(lab.nodes.length);
  const began = performance.now();
  await lab.stop();
  report(`lab down after ${seconds(began)}`);
  expect(remainingProcesses(lab.directory, traces)).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(lab.directory);
  expect(interfaces()).toEqual(interfacesBefore);
  expect(existsSync('/run/netns')).toBe(false);
  expect(existsSync(lab.logs('n1').pacemaker)).toBe(true);
});

test('nothing is left of a lab whose program was killed', async () => {
  const program = `
    const { PacemakerLab } = await import(${JSON.stringify(join(import.meta.dirname, 'lab.ts'))});
    const lab = await PacemakerLab.start({ clusterNodes: 1, remoteNodes: 0 });
    console.log(lab.directory);
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const directory = String(await once(child.stdout, 'data')).trim();
  const traces = tracesOf(directory);
  expect(traces.processes.length).toBeGreaterThan(1);
  child.kill('SIGKILL');
  const began = performance.now();
  await waitUntil({ what: 'its processes to end', seconds: 5, everyMs: 20 }, () =>
    remainingProcesses(directory, traces).length === 0 ? true : undefined,
  );
  report(`lab of a killed program gone after ${seconds(began)}`);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(directory);
  // Its folder goes when the next lab begins.
  expect(existsSync(directory)).toBe(true);
  const next = claimDirectory();
  expect(existsSync(directory)).toBe(false);
  releaseDirectory(next);
  rmSync(next, { recursive: true, force: true });
});
