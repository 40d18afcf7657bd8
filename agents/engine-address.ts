/** Where a command finds the engine: the unix socket of this node, or with `--engine` another node. */
import { readNodeAddress } from '#config/options/transport-addresses.ts';
import type { EngineAddress } from '#protocol/address.ts';
import { IdentityUnusable } from '#protocol/pre-shared-key.ts';
import { readIdentity } from '#protocol/tls-identity.ts';
import type { CommandLine } from './command.ts';
import { configurationOf, givenPath } from './configuration.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/** Options come before the configuration. Throws `CommandFailure`. */
export function engineAddressOf(line: CommandLine): EngineAddress {
  const path = givenPath(line, 'socket');
  const node = line.text('engine');
  if (node === undefined) return { kind: 'unix', path: path ?? configurationOf(line).options.engine.socket };
  if (path !== undefined) throw new CommandFailure(EXIT.usage, '--socket and --engine exclude each other');
  const address = readNodeAddress(node);
  if (address === undefined) {
    throw new CommandFailure(EXIT.usage, '--engine takes HOST or HOST:PORT, an IPv6 address in brackets');
  }
  const { transport } = configurationOf(line).options;
  try {
    return { ...address, port: address.port ?? transport.port, identity: readIdentity(transport) };
  } catch (error) {
    if (error instanceof IdentityUnusable) throw new CommandFailure(EXIT.usage, error.message, error);
    throw error;
  }
}
