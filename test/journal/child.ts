/** Child processes of the journal's tests: started with this Node, talked to line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly ended: Promise<unknown>;

  constructor(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.ended = once(this.process, 'close');
    if (!this.process.stdout) throw new Error('a child without stdout');
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the child ended without a further line');
    return value;
  }

  log(text: string): void {
    this.process.stdin?.write(`${text}\n`);
  }

  /** SIGKILL; resolves with every line it had printed that was not read yet. */
  async kill(): Promise<string[]> {
    this.process.kill('SIGKILL');
    return this.rest();
  }

  /** Every line until its end. */
  async rest(): Promise<string[]> {
    const rest: string[] = [];
    for (let next = await this.lines.next(); !next.done; next = await this.lines.next()) rest.push(next.value);
    await this.ended;
    return rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
