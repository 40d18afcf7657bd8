/**
 * What a flood from one host costs the others: a compromised host keeps 512 slow connections open and sends 15,000 reports, while other
 * hosts report. Latencies of the same reports without the flood are measured first, in the same run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import type { EngineAddress } from '#protocol/address.ts';
import { RpcClient } from '#protocol/client.ts';
import { clientOptions, readIdentity } from '#protocol/tls-identity.ts';
import { EngineWorld } from '#test/world/engine-world.ts';
import { KeyFiles } from '#test/world/key-files.ts';

const HOST = '127.0.0.1';
const PORT = 7420;
const REPORTS = 15_000;
const SLOW_CONNECTIONS = 512;
const HONEST_REPORTS = 60;

function addressOf(keyFile: string): Extract<EngineAddress, { kind: 'tls' }> {
  const none = { sharedKey: 'refuse', caFile: '', certificateFile: '', certificateKeyFile: '' } as const;
  return { kind: 'tls', host: HOST, port: PORT, identity: readIdentity({ ...none, keyFile }) };
}

function report(hostname: string, name: string) {
  const payload = { event: 'STOPPED', process_name: name };
  return { notification: { type: 'PROCESS', hostname, generated_time: new Date().toISOString(), payload } };
}

/** The compromised host: in a process of its own, until it is killed. Prints how many of its reports were accepted. */
async function flood(keyFile: string): Promise<void> {
  const address = addressOf(keyFile);
  const slow: Socket[] = [];
  const open = (): void => {
    const isKeyed = slow.length % 2 === 0;
    const socket = isKeyed
      ? tlsConnect({ ...clientOptions(address.identity, HOST), host: HOST, port: PORT })
      : connect({ host: HOST, port: PORT });
    socket.on('error', () => {});
    slow.push(socket);
  };
  for (let index = 0; index < SLOW_CONNECTIONS; index += 1) open();
  // A byte now and then keeps a line from ending.
  setInterval(() => {
    for (const [index, socket] of slow.entries()) {
      if (socket.destroyed) slow.splice(index, 1);
      else socket.write('{');
    }
    while (slow.length < SLOW_CONNECTIONS) open();
  }, 500);
  let [sent, accepted] = [0, 0];
  const lane = async (): Promise<void> => {
    while (sent < REPORTS) {
      try {
        using client = await RpcClient.connect(address);
        while (sent < REPORTS) {
          sent += 1;
          await client.call('notify', report('c1', `process-${sent}`)).then(
            () => {
              accepted += 1;
            },
            (error: Error) => {
              if (error.name === 'NoEngine') throw error;
            },
          );
        }
      } catch {
        // Turned away: it comes again.
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  process.stdout.write(`${sent} ${accepted}\n`);
}

/** Latencies of reports of other hosts, each over a connection of its own, ms. */
async function latencies(keys: readonly (readonly [string, string])[], mark: string): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < HONEST_REPORTS; index += 1) {
    const [host, keyFile] = keys[index % keys.length] ?? ['', ''];
    const started = performance.now();
    using client = await RpcClient.connect(addressOf(keyFile));
    await client.call('notify', report(host, `${mark}-${index}`));
    found.push(performance.now() - started);
    await delay(100);
  }
  return found.toSorted((a, b) => a - b);
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
const ms = (value: number | undefined): string => `${(value ?? Number.NaN).toFixed(1)} ms`;

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'recovery-agent-flood-'));
  const keys = new KeyFiles(directory);
  const engine = `[transport]\nlisten = ${HOST}\nport = ${PORT}\nkey_ring_file = ${keys.ringFile}`;
  await using world = await EngineWorld.start({ engine });
  const running = await world.engine();
  const honest = ['c2', 'c3'].map((host) => [host, keys.issue(host)] as const);
  const evil = keys.issue('c1');
  const idle = await latencies(honest, 'idle');
  const sizeBefore = statSync(world.journal).size;
  const child = spawn(process.execPath, [import.meta.filename, 'flood', evil], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let printed = '';
  child.stdout.on('data', (text: Buffer) => {
    printed += text.toString();
  });
  // The flood has started when the engine refuses the first report.
  await running.untilLogged(/audit: notify refused identity=c1/);
  const flooded = await latencies(honest, 'flooded');
  while (printed === '') await delay(100);
  child.kill('SIGKILL');
  await ended;
  const [sent, accepted] = printed.trim().split(' ');
  const grown = (statSync(world.journal).size - sizeBefore) / 1024;
  process.stdout.write(
    `reports of other hosts, idle:    median ${ms(median(idle))}, slowest ${ms(idle.at(-1))}\n` +
      `during the flood:                median ${ms(median(flooded))}, slowest ${ms(flooded.at(-1))} ` +
      `(${(median(flooded) / median(idle)).toFixed(1)} times the idle median)\n` +
      `the flood: ${sent} reports sent, ${accepted} accepted; the journal grew by ${grown.toFixed(0)} KiB\n`,
  );
  rmSync(directory, { recursive: true, force: true });
}

if (process.argv[2] === 'flood') await flood(process.argv[3] ?? '');
else await main();
