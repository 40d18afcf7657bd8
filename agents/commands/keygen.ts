/** `recovery-agent keygen`: makes the key by which engines and hosts know each other. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Command } from '../command.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print } from '../output.ts';
import { printable } from '../printable.ts';

const DEFAULT_FILE = '/etc/recovery-agent/authkey';
const KEY_BYTES = 64;

/** The key goes into the file and nowhere else. Throws `CommandFailure` where something is already. */
function writeKey(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o600);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const reason =
      code === 'EEXIST'
        ? `${path} is there already and stays as it is: every host that has it would have to get the new one; remove it first, or name another file`
        : `${path} cannot be made (${code})`;
    throw new CommandFailure(EXIT.failed, reason, error);
  }
  try {
    writeSync(descriptor, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(EXIT.failed, `${path} cannot be written: ${reason}`, error);
  } finally {
    closeSync(descriptor);
  }
}

export const keygen: Command = {
  name: 'keygen',
  summary: `Makes the key that engines and hosts share, in ${DEFAULT_FILE} or the file that is named`,
  positionals: '[FILE]',
  options: {},
  maxPositionals: 1,
  async run(line) {
    const path = line.positionals[0] ?? DEFAULT_FILE;
    if (path === '') throw new CommandFailure(EXIT.usage, 'the name of the file is empty');
    writeKey(path);
    print(
      [
        `The key is in ${printable(path)}, for its owner alone.`,
        '1. Copy it to every controller and every host, over a connection that is safe; keep mode 0600.',
        `2. On all of them: [transport] key_file = ${printable(path)}`,
        '3. On controllers: [transport] listen = ADDRESS; then start the engine anew.',
        '4. On hosts: [transport] engines = CONTROLLER, CONTROLLER, … or the address that moves with the engine.',
      ].join('\n'),
    );
    return EXIT.ok;
  },
};
