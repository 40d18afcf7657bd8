/** The engine as a child of `start`: its start, and its report of a failure. */
import type { ChildProcess } from 'node:child_process';
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import type { Action } from './action.ts';
import { DEFAULT_CONFIG } from './parameters.ts';
import { REPORT_VARIABLE } from './report-descriptor.ts';
import type { Resource } from './resource.ts';

/** The descriptor of the pipe on which an engine reports why it does not start; see agents/start-report.ts. */
const REPORT_DESCRIPTOR = 3;
const MAX_REPORT = 4_096;

/** Variables of the cluster, or of a person's shell, that apply to this action only. */
const NOT_INHERITED = /^(OCF|CRM|HA|LC)_|^LANG(UAGE)?$/;

function argumentsOf({ name, parameters }: Resource, environment: Action['environment'], hasConfig: boolean): string[] {
  const { config, journal, socket, pidfile, log_level } = parameters;
  return [
    'engine',
    '--take-over',
    ...(name === undefined ? [] : ['--resource', name]),
    ...(config === DEFAULT_CONFIG && !hasConfig ? [] : ['--config', config]),
    ...(journal === '' ? [] : ['--journal', journal]),
    '--socket',
    socket,
    '--pid-file',
    pidfile,
    '--log-level',
    log_level,
    '--node',
    environment.OCF_RESKEY_CRM_meta_on_node || hostname(),
  ];
}

export class EngineChild {
  readonly #child: ChildProcess;
  readonly #pipe: Readable | undefined;
  #report = '';
  #spawnError: Error | undefined;

  /** @param output descriptor of the log */
  constructor(resource: Resource, action: Action, output: number, hasConfig: boolean) {
    const [file, ...argv] = action.program;
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
    const { spawn } = process.getBuiltinModule('node:child_process');
    this.#child = spawn(file, [...argv, ...argumentsOf(resource, action.environment, hasConfig)], {
      detached: true,
      stdio: ['ignore', output, output, 'pipe'],
      cwd: '/',
      env: { ...Object.fromEntries(inherited), LC_ALL: 'C.UTF-8', [REPORT_VARIABLE]: String(REPORT_DESCRIPTOR) },
    });
    this.#child.on('error', (error) => {
      this.#spawnError = error;
    });
    // Without descriptors or processes left there is no child, and no pipe either.
    this.#pipe = this.#child.pid === undefined ? undefined : (this.#child.stdio[REPORT_DESCRIPTOR] as Readable);
    this.#pipe?.on('error', () => {});
    this.#pipe?.on('data', (chunk: Buffer) => {
      if (this.#report.length < MAX_REPORT) this.#report += chunk.toString('utf8');
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined while it lives. `code` is null after a signal, or when it could not be run. */
  get ended(): { readonly code: number | null; readonly why: string } | undefined {
    if (this.#spawnError) return { code: null, why: `the engine cannot be run: ${this.#spawnError.message}` };
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return {
      code: exitCode,
      why: signalCode ? `the engine was ended by ${signalCode}` : `the engine ended (${exitCode})`,
    };
  }

  /** The engine's own report of its failure; empty if it had none. */
  async report(): Promise<string> {
    const pipe = this.#pipe;
    if (pipe && !pipe.closed) {
      // It has ended, so its end of the pipe is closed; a child of it that holds the pipe is not waited for.
      await new Promise<void>((resolve) => {
        pipe.once('close', resolve);
        setTimeout(resolve, 500);
      });
    }
    return this.#report.trim();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.release();
  }

  /** Detaches it from this process. */
  release(): void {
    this.#pipe?.destroy();
    this.#child.unref();
  }
}
