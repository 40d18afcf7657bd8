/** The key file of a host, as `recovery-agent key issue` writes it: JSON, so that a configuration tool can carry it. */
import * as v from 'valibot';
import { isHostName } from '../host-name.ts';
import { KEY_BYTES } from './derive.ts';
import { counter, type NamedKey } from './psk-name.ts';

const HOST_KEY_KIND = 'recovery-agent host key';

export interface HostKey extends NamedKey {
  /** For TLS. */
  readonly key: Buffer;
  /** Signs this host's heartbeats. */
  readonly heartbeat: Buffer;
  /** Of a watcher: from which it derives the heartbeat keys of all hosts, by generation; empty for other hosts. */
  readonly watched: readonly { readonly generation: number; readonly heartbeats: Buffer }[];
}

const secret = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => Buffer.from(text, 'base64')),
  v.check((bytes) => bytes.length === KEY_BYTES),
);
const schema = v.object({
  kind: v.literal(HOST_KEY_KIND),
  version: v.literal(1),
  host: v.pipe(v.string(), v.check(isHostName)),
  generation: counter,
  serial: counter,
  key: secret,
  heartbeat: secret,
  watched: v.pipe(v.array(v.object({ generation: counter, heartbeats: secret })), v.maxLength(2)),
});

export function formatHostKey({ host, generation, serial, key, heartbeat, watched }: HostKey): string {
  const file: v.InferInput<typeof schema> = {
    kind: HOST_KEY_KIND,
    version: 1,
    host,
    generation,
    serial,
    key: key.toString('base64'),
    heartbeat: heartbeat.toString('base64'),
    watched: watched.map((one) => ({ generation: one.generation, heartbeats: one.heartbeats.toString('base64') })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Undefined: it is no such file, e.g. one with the shared key of earlier versions. Throws if it is a damaged one. */
export function parseHostKey(bytes: Uint8Array): HostKey | undefined {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof content !== 'object' || content === null || !('kind' in content)) return undefined;
  const parsed = v.safeParse(schema, content);
  // The message contains nothing of the content.
  if (!parsed.success) throw new Error(`it holds no complete "${HOST_KEY_KIND}" of version 1`);
  const { kind: _kind, version: _version, ...key } = parsed.output;
  return key;
}
