/**
 * The program ipmitool: its arguments, its environment, and the meaning of its output. Pure.
 *
 * Invariants: password and Kg key are in the environment (`-E`, `-K`), never in the arguments, which every user of the machine
 * can read. Only the line "Chassis Power is off" of a successful ipmitool is taken for power off.
 * Source: ipmitool 1.8.19, ipmitool(1) and lib/ipmi_chassis.c.
 */
import type { IpmiBmc } from '../bmc-options.ts';

const MAX_REASON = 2000;
const MAX_KG_BYTES = 20;

export interface Secrets {
  readonly password: string;
  readonly kgKey: string | undefined;
}

export function argumentsOf(bmc: IpmiBmc): readonly string[] {
  const { address, port, user, interface: network = 'lanplus', privilege, cipher_suite, kg_key_file } = bmc;
  const words = ['-I', network, '-H', address, '-U', user, '-E'];
  if (port !== undefined) words.push('-p', String(port));
  if (privilege !== undefined) words.push('-L', privilege);
  if (cipher_suite !== undefined) words.push('-C', String(cipher_suite));
  if (kg_key_file !== undefined) words.push('-K');
  return [...words, 'chassis', 'power', 'status'];
}

export function environmentOf({ password, kgKey }: Secrets): Record<string, string> {
  const base = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', IPMI_PASSWORD: password };
  return kgKey === undefined ? base : { ...base, IPMI_KGKEY: kgKey };
}

/** The key in the form of ipmitool's environment. @param written the text itself, or 0x and hexadecimal digits */
export function kgKeyOf(written: string, file: string): string {
  const digits = /^0x((?:[0-9a-f]{2})+)$/i.exec(written)?.[1];
  const key = digits === undefined ? Buffer.from(written) : Buffer.from(digits, 'hex');
  if (key.length > MAX_KG_BYTES) throw new Error(`${file}: the Kg key is longer than ${MAX_KG_BYTES} bytes`);
  if (key.some((byte) => byte === 0 || byte > 0x7f)) {
    throw new Error(
      `${file}: the Kg key has bytes beyond ASCII; ipmitool takes those only as an argument, which every user can read`,
    );
  }
  return key.toString('latin1');
}

export function powerIn(output: string): 'on' | 'off' | undefined {
  const states = new Set(Array.from(output.matchAll(/^Chassis Power is (on|off)\s*$/gm), (match) => match[1]));
  if (states.size !== 1) return undefined;
  return states.has('off') ? 'off' : 'on';
}

export interface Ended {
  readonly ipmitool: string;
  readonly timeoutMs: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly secrets: Secrets;
  /** An option that may help if the timeout is too short. */
  readonly hint: string;
}

/**
 * If a BMC does not list its cipher suites, ipmitool 1.8.19 needs ten seconds (measured with OpenIPMI's simulator), more than
 * the default of `ipmi_timeout`.
 */
export function hintOf({ interface: network = 'lanplus', cipher_suite }: IpmiBmc): string {
  if (network !== 'lanplus' || cipher_suite !== undefined) return '';
  return '; if the BMC responds to ping, set cipher_suite (3 or 17), which saves ipmitool a query of ten seconds';
}

/** Why there is no power state. @param error of the program; undefined if it ended with success */
export function reasonOf(
  error: (Error & { readonly code?: unknown; readonly killed?: boolean; readonly signal?: unknown }) | undefined,
  { ipmitool, timeoutMs, stdout, stderr, secrets, hint }: Ended,
): string {
  const reported = reportOf(stdout, stderr, secrets);
  const more = reported === '' ? '' : `: ${reported}`;
  if (error === undefined) {
    return `${ipmitool} does not report whether the power is on or off${reported === '' ? ': no output' : more}`;
  }
  if (error.code === 'ENOENT') return `${ipmitool} does not exist; install ipmitool, or name it in [host] ipmitool`;
  if (error.code === 'EACCES') return `${ipmitool} is not executable for this user; check its mode`;
  if (error.name === 'AbortError') return 'the poll was aborted';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `${ipmitool} has too much output`;
  if (error.killed === true) return `timed out after ${timeoutMs / 1000} s${hint}${more}`;
  const end =
    typeof error.code === 'number' ? `exit code ${error.code}` : `signal ${String(error.signal ?? error.code)}`;
  return `${ipmitool} failed (${end})${more}`;
}

/** All lines of ipmitool, its errors first, in one line without secrets. */
function reportOf(stdout: string, stderr: string, { password, kgKey }: Secrets): string {
  const lines = `${stderr}\n${stdout}`.split(/[\r\n]+/).map((line) => line.trim());
  const text = lines.filter((line) => line !== '').join('; ');
  const hidden = [password, kgKey].reduce<string>((so, secret) => (secret ? so.replaceAll(secret, '***') : so), text);
  return hidden.length > MAX_REASON ? `${hidden.slice(0, MAX_REASON)} …` : hidden;
}
