/** A BMC on a UDP port of the loopback: ipmi_sim of OpenIPMI, with a power state that a test sets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from '../waiting.ts';

export const USER = 'recovery';
export const PASSWORD = 'geheim';

export interface SimulatorSettings {
  /** A two-key login: the Kg key. */
  readonly kgKey?: string;
  /** What the login of the BMC's users may do at most. */
  readonly privilege?: 'user' | 'operator' | 'admin';
}

/** What the simulated chassis reports; `broken`: it fails to. */
export type ChassisPower = 'on' | 'off' | 'broken';

export class BmcSimulator implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  static async start(settings: SimulatorSettings = {}): Promise<BmcSimulator> {
    const simulator = new BmcSimulator(await freePort(), settings);
    try {
      await within(60, 'the simulated BMC to listen', simulator.#listens());
    } catch (error) {
      await simulator[Symbol.asyncDispose]();
      throw new Error(`${String(error)} ${simulator.#output}`);
    }
    return simulator;
  }

  private constructor(port: number, settings: SimulatorSettings) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'recovery-agent-bmc-lab-'));
    const at = (name: string) => join(this.folder, name);
    const control = `case "$1 $2" in 'get power') cat "$p";; 'set power') echo "power:$3" >"$p";; *) exit 1;; esac`;
    writeFileSync(at('chassis'), `#!/bin/sh\np='${at('power')}'\n${control}\n`, { mode: 0o755 });
    writeFileSync(at('lan.conf'), configurationOf(port, at('chassis'), settings));
    writeFileSync(
      at('bmc.emu'),
      'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n',
    );
    mkdirSync(at('state'));
    this.setPower('on');
    const words = ['-n', '-c', at('lan.conf'), '-f', at('bmc.emu'), '-s', at('state')];
    this.#child = spawn('/usr/bin/ipmi_sim', words, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4000);
      });
    }
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve).once('error', resolve));
  }

  setPower(power: ChassisPower): void {
    const report = { on: 'power:1\n', off: 'power:0\n', broken: 'nothing\n' }[power];
    writeFileSync(join(this.folder, 'power'), report);
  }

  /** It listens when it responds to an RMCP ping. Source: IPMI 2.0, section 13.2.3. */
  async #listens(): Promise<void> {
    const socket = createSocket('udp4');
    const pong = once(socket, 'message');
    const ping = Buffer.from('0600ff0600 0011be80000000'.replace(' ', ''), 'hex');
    const timer = setInterval(() => socket.send(ping, this.port, '127.0.0.1'), 100);
    const died = this.#ended.then(() => {
      throw new Error(`ipmi_sim ended: ${this.#output}`);
    });
    try {
      await Promise.race([pong, died]);
    } finally {
      clearInterval(timer);
      socket.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    rmSync(this.folder, { recursive: true });
  }
}

function configurationOf(port: number, chassis: string, { kgKey, privilege = 'admin' }: SimulatorSettings): string {
  const levels = ['callback', 'user', 'operator', 'admin'];
  const lines = [
    'name "bmc"',
    'set_working_mc 0x20',
    'startlan 1',
    `addr 127.0.0.1 ${port}`,
    'priv_limit admin',
    ...levels.map((level) => `allowed_auths_${level} none md2 md5 straight`),
    'guid a123456789abcdefa123456789abcdef',
    ...(kgKey === undefined ? [] : [`bmc_key "${kgKey}"`]),
    'endlan',
    `chassis_control "${chassis}"`,
    `user 2 true "${USER}" "${PASSWORD}" ${privilege} 10`,
  ];
  return `${lines.join('\n')}\n`;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
