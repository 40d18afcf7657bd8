/**
 * Masakari's health matrix as a file:
 *
 *     sequence: [manage, tenant, storage]
 *     matrix:
 *       - health: [up, up, down]
 *         action: [recovery]
 *
 * A row may add `proof: none`: its hosts are then recovered without a proof that they are dead. Errors name file and line.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { readTrustedFile } from '#config/document/files.ts';
import type { Health, Policy, Row } from './policy.ts';
import type { Network } from './sources/source.ts';

const MAX_BYTES = 64 * 1024;
const NETWORK_WORDS: Readonly<Record<string, Network>> = {
  manage: 'management',
  management: 'management',
  tenant: 'tenant',
  storage: 'storage',
};

/** The file cannot be used; the message begins with FILE:LINE. */
export class InvalidMatrix extends Error {
  override readonly name = 'InvalidMatrix';
}

export function readMatrixFile(path: string): Policy {
  let content: ReturnType<typeof readTrustedFile>;
  try {
    content = readTrustedFile(path);
  } catch (error) {
    throw new InvalidMatrix(`${path}: the matrix cannot be read`, { cause: error });
  }
  if (content === undefined) throw new InvalidMatrix(`${path}: there is no such file; see [host] matrix_config_file`);
  if (content.bytes.length > MAX_BYTES) throw new InvalidMatrix(`${path}: a matrix has at most ${MAX_BYTES} bytes`);
  return parseMatrix(new TextDecoder().decode(content.bytes), path);
}

/** Throws `InvalidMatrix`. */
export function parseMatrix(text: string, file: string): Policy {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const refuse = (node: Node | null | undefined, reason: string): never => {
    const { line } = lines.linePos(node?.range?.[0] ?? 0);
    throw new InvalidMatrix(`${file}:${Math.max(line, 1)}: ${reason}`);
  };
  const [fault] = document.errors;
  if (fault !== undefined) {
    const [reason = ''] = fault.message.split('\n');
    throw new InvalidMatrix(`${file}:${fault.linePos?.[0].line ?? 1}: ${reason}`);
  }
  const root = document.contents;
  if (!isMap(root)) return refuse(root, 'the matrix is a mapping with "sequence" and "matrix"');
  onlyKeys(root, ['sequence', 'matrix'], refuse);

  const sequence = root.get('sequence', true);
  const networks = words(sequence, Object.keys(NETWORK_WORDS), '"sequence"', refuse).map(
    (word) => NETWORK_WORDS[word] ?? refuse(sequence, `"${word}" is no network`),
  );
  if (networks.length === 0 || new Set(networks).size !== networks.length) {
    return refuse(sequence ?? root, '"sequence" names each network once, and at least one');
  }
  const matrix: unknown = root.get('matrix', true);
  if (!isSeq(matrix) || matrix.items.length === 0) return refuse(root, '"matrix" is a list of rows');
  const seen = new Set<string>();
  const rows = matrix.items.map((item): Row => {
    if (!isMap(item)) return refuse(matrix, 'a row has "health" and "action"');
    const row = readRow(item, networks.length, refuse);
    const key = row.health.join(' ');
    if (seen.has(key)) return refuse(item, `the health [${row.health.join(', ')}] has two rows`);
    if (row.action === 'recovery' && !row.health.includes('down')) {
      return refuse(item, 'a host that is up everywhere cannot be recovered');
    }
    seen.add(key);
    return row;
  });
  return { name: 'matrix', networks, rows };
}

type Refuse = (node: Node | null | undefined, reason: string) => never;

function readRow(item: YAMLMap, width: number, refuse: Refuse): Row {
  onlyKeys(item, ['health', 'action', 'proof'], refuse);
  const health = words(item.get('health', true), ['up', 'down'], '"health"', refuse) as readonly Health[];
  if (health.length !== width) return refuse(item, `"health" needs ${width} words, as many as "sequence" has`);
  const [action = 'none'] = words(item.get('action', true), ['recovery'], '"action"', refuse);
  const proof = item.get('proof', true);
  if (proof !== undefined && (!isScalar(proof) || (proof.value !== 'none' && proof.value !== 'needed'))) {
    return refuse(item, '"proof" is needed or none');
  }
  return {
    health,
    action: action === 'recovery' ? 'recovery' : 'none',
    proof: isScalar(proof) && proof.value === 'none' ? 'none' : 'needed',
  };
}

function onlyKeys(map: YAMLMap, known: readonly string[], refuse: Refuse): void {
  for (const { key } of map.items as readonly Pair<Node>[]) {
    const name = isScalar(key) ? String(key.value) : '';
    if (!known.includes(name)) refuse(key, `unknown "${name.slice(0, 40)}"; known are ${known.join(', ')}`);
  }
}

function words(node: unknown, known: readonly string[], what: string, refuse: Refuse): string[] {
  if (!isSeq(node)) return refuse(node as Node | undefined, `${what} is a list of ${known.join(', ')}`);
  return node.items.map((item) => {
    const word = isScalar(item) ? item.value : undefined;
    if (typeof word !== 'string' || !known.includes(word))
      return refuse(item as Node, `${what} takes ${known.join(', ')}`);
    return word;
  });
}
