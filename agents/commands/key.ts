/** `recovery-agent key`: makes the key ring of the engines, and issues, renews and revokes the keys of hosts. */
import { RESERVED_IDENTITIES } from '#protocol/caller.ts';
import { HOST_NAME_RULE, isEqualHost, isHostName, matchHost } from '#protocol/host-name.ts';
import { formatHostKey } from '#protocol/identity/host-key.ts';
import {
  type IssuedKey,
  issue,
  issuedTo,
  type KeyRing,
  newestGeneration,
  newKeyRing,
  retirePrevious,
  revoke,
  rotate,
  whyRefused,
} from '#protocol/identity/key-ring.ts';
import { createKeyRing, readKeyRing, replaceKeyRing } from '#protocol/identity/key-ring-file.ts';
import { IdentityUnusable } from '#protocol/pre-shared-key.ts';
import { printable } from '#protocol/printable.ts';
import { createWholeFile, replaceFile } from '#protocol/replaced-file.ts';
import { type Command, type CommandLine, JSON_OPTION } from '../command.ts';
import { configurationOf, givenPath } from '../configuration.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { print, printJson, table } from '../output/output.ts';

const DEFAULT_RING = '/etc/recovery-agent/key-ring';
/** In a message. */
const SHOWN_HOSTS = 10;
const OLD_COPY =
  'A controller that is off now requires it before its engine starts: with the old copy it refuses keys that are issued from now on.';
const ACTIONS = ['init', 'issue', 'rotate', 'revoke', 'list'] as const;

type Action = (path: string, line: CommandLine, rest: readonly string[]) => Promise<void> | void;

const RUN: Readonly<Record<(typeof ACTIONS)[number], Action>> = {
  init: async (path, _, rest) => {
    expectNoMore(rest);
    const reason =
      `${path} is there already and stays as it is: the keys of all hosts come from it; ` +
      'to renew them, see "recovery-agent key rotate"';
    await written(path, () => createKeyRing(path, newKeyRing(timeNow())), reason);
    print(
      [
        `The key ring is in ${printable(path)}, for its owner alone. It makes engines: no host may have it.`,
        '1. Copy it to every other controller, over a connection that is safe; keep mode 0600.',
        `2. On controllers: [transport] key_ring_file = ${printable(path)}, listen = ADDRESS; restart the resource.`,
        '3. For each host: recovery-agent key issue HOST; put the file on that host alone, mode 0600.',
        '4. On hosts: [transport] key_file = FILE, engines = CONTROLLER, CONTROLLER, …',
      ].join('\n'),
    );
  },

  issue: async (path, line, rest) => {
    const [host, file] = [hostName(rest[0]), rest[1] ?? '-'];
    expectNoMore(rest.slice(2));
    const before = readRing(path);
    const { ring, key } = issue(before, host, { watcher: line.has('watcher'), now: timeNow() });
    const wasWatcher = issuedTo(before, host)?.watcher === true;
    if (ring !== before) await written(path, () => replaceKeyRing(path, ring));
    const text = formatHostKey(key);
    if (file === '-') process.stdout.write(text);
    else {
      await writeKeyFile(file, text, line.has('force'));
      print(`The key of ${host} is in ${printable(file)}, for its owner alone. Put it on ${host} and remove it here.`);
    }
    if (wasWatcher && !line.has('watcher')) {
      process.stderr.write(
        `${host}: this key checks no heartbeats, unlike the one before; to keep that, add --watcher\n`,
      );
    }
    if (ring !== before) process.stderr.write(`${copyAdvice(path)}\n`);
  },

  rotate: async (path, line, rest) => {
    expectNoMore(rest);
    const before = readRing(path);
    if (line.has('retire')) {
      const ring = retirePrevious(before);
      if (!line.has('force')) refuseToExclude(before, ring);
      await written(path, () => replaceKeyRing(path, ring));
      print(
        [
          `Keys of generation ${newestGeneration(ring).generation} alone are valid now.`,
          `1. ${copyAdvice(path)} ${OLD_COPY}`,
          '2. Issue the keys of the watchers again: until then they accept heartbeats of the generation before.',
        ].join('\n'),
      );
      return;
    }
    const ring = rotate(before, timeNow());
    if (!line.has('force')) refuseToExclude(before, ring);
    const watchers = Object.values(ring.hosts).flatMap(({ host, watcher, revoked }) =>
      watcher && revoked === undefined ? [host] : [],
    );
    await written(path, () => replaceKeyRing(path, ring));
    const [previous, newest] = ring.generations;
    print(
      [
        `Keys are issued in generation ${newest?.generation ?? previous?.generation}; those of generation ${previous?.generation} stay valid until the next rotation.`,
        `1. ${copyAdvice(path)}`,
        `2. Issue new keys (key issue HOST --watcher) to the watchers first${watchers.length > 0 ? ` (${watchers.join(', ')})` : ''}: without it they do not accept the heartbeats of hosts with new keys.`,
        '3. Issue new keys to all other hosts; "recovery-agent key list" shows which are missing, the log of the engine which hosts still use an old one.',
        '4. recovery-agent key rotate --retire',
      ].join('\n'),
    );
  },

  revoke: async (path, _, rest) => {
    const requested = hostName(rest[0]);
    expectNoMore(rest.slice(1));
    const ring = readRing(path);
    const names = Object.values(ring.hosts).map(({ host }) => host);
    const found = matchHost(requested, names);
    if (found.match !== 'one') {
      const known = names.length === 0 ? 'no key was issued at all' : `keys were issued to ${names.join(', ')}`;
      const why = found.match === 'several' ? `${requested} may be ${found.names.join(' or ')}` : known;
      throw new CommandFailure(EXIT.failed, `no key is revoked: ${why} (${path})`);
    }
    await written(path, () => replaceKeyRing(path, revoke(ring, found.name, timeNow())));
    print(
      [
        `The key of ${found.name} is revoked: an engine that uses ${printable(path)} refuses it from now on.`,
        `1. ${copyAdvice(path)} ${OLD_COPY}`,
        `2. When ${found.name} can be trusted again: recovery-agent key issue ${found.name}`,
      ].join('\n'),
    );
  },

  list: (path, line, rest) => {
    expectNoMore(rest);
    const ring = readRing(path);
    const hosts = Object.values(ring.hosts)
      .toSorted((a, b) => a.host.localeCompare(b.host))
      .map((key) => ({ ...key, state: stateOf(ring, key) }));
    const generations = ring.generations.map(({ generation, created }) => ({ generation, created }));
    if (line.has('json')) {
      printJson({ file: path, revision: ring.revision, generations, hosts });
      return;
    }
    print(`${printable(path)}, revision ${ring.revision}`);
    for (const { generation, created } of generations) print(`generation ${generation}, made ${created}`);
    const rows = hosts.map(({ host, state, watcher, generation, serial, issued }) => {
      return [host, { state }, watcher ? 'yes' : 'no', generation, serial, issued];
    });
    print(table(['Host', 'Key', 'Watcher', 'Generation', 'Serial', 'Issued'], rows));
  },
};

/** Throws `CommandFailure` where hosts that are accepted under one ring are not under the other. */
function refuseToExclude(before: KeyRing, after: KeyRing): void {
  const excluded = Object.values(before.hosts)
    .filter((key) => stateOf(before, key) !== 'revoked')
    .filter((key) => whyRefused(before, key) === undefined && whyRefused(after, key) !== undefined)
    .map(({ host }) => host)
    .toSorted();
  if (excluded.length === 0) return;
  const some = excluded.slice(0, SHOWN_HOSTS).join(', ');
  const more = excluded.length > SHOWN_HOSTS ? ` and ${excluded.length - SHOWN_HOSTS} more` : '';
  throw new CommandFailure(
    EXIT.failed,
    `the key ring stays as it is: the engine would refuse the keys of ${some}${more}; issue new keys to them first, or add --force`,
  );
}

function timeNow(): string {
  return new Date().toISOString();
}

function copyAdvice(path: string): string {
  return `Copy ${printable(path)} to every other controller.`;
}

function stateOf(ring: KeyRing, key: IssuedKey): string {
  if (key.revoked !== undefined) return 'revoked';
  if (whyRefused(ring, key) !== undefined) return 'expired';
  return key.generation === newestGeneration(ring).generation ? 'valid' : 'renew';
}

function hostName(text: string | undefined): string {
  if (text === undefined) throw new CommandFailure(EXIT.usage, 'the name of the host is missing');
  // Callers are shown by these names.
  if (RESERVED_IDENTITIES.some((one) => isEqualHost(one, text))) {
    throw new CommandFailure(
      EXIT.usage,
      `"${text}" is reserved: the audit shows callers on the engine's own node by it`,
    );
  }
  if (isHostName(text)) return text;
  throw new CommandFailure(EXIT.usage, `"${printable(text)}" is no host name: ${HOST_NAME_RULE}`);
}

function expectNoMore(rest: readonly string[]): void {
  if (rest.length > 0) throw new CommandFailure(EXIT.usage, `"${printable(rest[0] ?? '')}" is one argument too many`);
}

function readRing(path: string): KeyRing {
  try {
    return readKeyRing(path);
  } catch (error) {
    if (error instanceof IdentityUnusable) throw new CommandFailure(EXIT.failed, error.message, error);
    throw error;
  }
}

/** @param exists the reason where there is a file already. Throws `CommandFailure`. */
async function written(path: string, write: () => Promise<void> | void, exists?: string): Promise<void> {
  try {
    await write();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const reason = code === 'EEXIST' && exists !== undefined ? exists : `${path} cannot be written (${code})`;
    throw new CommandFailure(EXIT.failed, reason, error);
  }
}

/** The key goes into the file and nowhere else. */
async function writeKeyFile(path: string, text: string, replace: boolean): Promise<void> {
  const mode = 0o600;
  await written(
    path,
    () => (replace ? replaceFile({ path, text, mode, durable: 'content' }) : createWholeFile(path, text, mode)),
    `${path} is there already and stays as it is; to replace it, add --force`,
  );
}

function isAction(text: string | undefined): text is keyof typeof RUN {
  return (ACTIONS as readonly (string | undefined)[]).includes(text);
}

export const key: Command = {
  name: 'key',
  summary: 'Makes the key ring of the engines, and issues, renews and revokes the keys of hosts',
  positionals: 'init | issue HOST [FILE] | rotate | revoke HOST | list',
  options: {
    ring: {
      type: 'string',
      value: 'PATH',
      help: `the key ring (default: [transport] key_ring_file, else ${DEFAULT_RING})`,
    },
    watcher: {
      type: 'boolean',
      help: 'with issue: the host also gets what it needs to check heartbeats of other hosts',
    },
    force: { type: 'boolean', help: 'with issue: replace FILE; with rotate: also where it excludes hosts' },
    retire: { type: 'boolean', help: 'with rotate: make no new generation, and end the one before' },
    ...JSON_OPTION,
  },
  maxPositionals: 3,
  async run(line) {
    const [action, ...rest] = line.positionals;
    if (!isAction(action)) {
      const given = action === undefined ? 'an action is missing' : `there is no action "${printable(action)}"`;
      throw new CommandFailure(EXIT.usage, `${given}: ${ACTIONS.join(', ')}`);
    }
    const path = givenPath(line, 'ring') ?? (configurationOf(line).options.transport.keyRingFile || DEFAULT_RING);
    await RUN[action](path, line, rest);
    return EXIT.ok;
  },
};
