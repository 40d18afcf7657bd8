/**
 * Reads the YAML or JSON of clouds.yaml and its companions.
 *
 * Invariants: a value is the text that openstacksdk would use, or `Unclear`: YAML 1.1 turns an unquoted 0123 into 83, 2.10 into
 * 2.1 and a date into something else again. No text of a file gets into a message, for a misplaced line may hold a secret.
 */
import { isMap, isScalar, LineCounter, parseDocument, type Scalar, visit, type Node as YamlNode } from 'yaml';
import { CredentialsError } from './settings.ts';

/** A value that YAML reads otherwise than it is written. */
export class Unclear {
  /** e.g. "a date". */
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

export type Leaf = string | boolean | null | Unclear;
export type Value = Leaf | Tree | readonly Value[];
export type Tree = { readonly [key: string]: Value };

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unclear);
}

/** Throws `CredentialsError` with the place of what cannot be read. */
export function readTree(path: string, text: string): Value {
  return path.endsWith('.json') ? fromJson(path, text) : fromYaml(path, text);
}

// Patterns of YAML 1.1's types as PyYAML has them, which openstacksdk reads these files with.
const NULL = /^(?:~|null|Null|NULL|)$/;
const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][\d_]*)|[-+]?0x[\da-fA-F_]+|[-+]?[1-9][\d_]*(?::[0-5]?\d)+)$/;
const FRACTION =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const DATE = /^\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)?$/;
/** Numbers that are written as Python prints them. */
const PLAIN_INTEGER = /^(?:0|-?[1-9]\d*)$/;
const PLAIN_FRACTION = /^-?(?:0|[1-9]\d{0,9})\.(?:0|\d{0,3}[1-9])$/;

/** What an unquoted scalar is. */
function plain(text: string): Leaf {
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  if (INTEGER.test(text) || FRACTION.test(text)) return numberOf(text);
  if (DATE.test(text)) return new Unclear('a date');
  return text === '=' ? new Unclear('a sign with a meaning of its own') : text;
}

function numberOf(text: string): Leaf {
  return PLAIN_INTEGER.test(text) || PLAIN_FRACTION.test(text) ? text : new Unclear('a number in another notation');
}

const TEXT_TAGS = new Set(['!', 'tag:yaml.org,2002:str']);
const COLLECTION_TAGS = new Set(['tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq']);

function fromYaml(path: string, text: string): Value {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', merge: true, prettyErrors: false, lineCounter });
  const refuse = (offset: number, what: string): never => {
    const { line, col } = lineCounter.linePos(offset);
    throw new CredentialsError(`${path}, line ${line}, column ${col}: ${what}`);
  };
  const error = document.errors[0];
  if (error?.code === 'DUPLICATE_KEY')
    refuse(error.pos[0], 'this key is written twice in one place; remove one of them');
  if (error !== undefined) {
    refuse(error.pos[0], `this is not YAML (${error.code.toLowerCase().replaceAll('_', ' ')})`);
  }
  visit(document, {
    Node: (key, node) => {
      const place = node.range?.[0] ?? 0;
      const tag = isScalar(node) || isMap(node) || 'items' in node ? tagOf(node) : undefined;
      if (tag !== undefined && !(isScalar(node) ? TEXT_TAGS : COLLECTION_TAGS).has(tag)) {
        refuse(place, 'a type is given with "!"; remove it, and quote the value if it is a text');
      }
      // "<<" is a symbol.
      if (!isScalar(node) || typeof node.value !== 'string') return;
      const leaf = leafOf(node);
      if (key === 'key' && typeof leaf !== 'string') refuse(place, 'a key is not a text for YAML; write it in quotes');
      node.value = leaf;
    },
  });
  try {
    return document.toJS();
  } catch {
    throw new CredentialsError(`${path}: this is not YAML (an alias has no anchor before it)`);
  }
}

function tagOf(node: YamlNode): string | undefined {
  return 'tag' in node && typeof node.tag === 'string' ? node.tag : undefined;
}

function leafOf(node: Scalar): Leaf {
  const text = String(node.value);
  return node.type === 'PLAIN' && tagOf(node) === undefined ? plain(text) : text;
}

function fromJson(path: string, text: string): Value {
  try {
    // Every number as it is written, so that 2.10 is not 2.1 here and another number in a file of YAML.
    return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' ? numberOf(context?.source ?? '') : value,
    );
  } catch (error) {
    // Its message may quote the file.
    const place = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const line = place === undefined ? '' : `, line ${text.slice(0, Number(place)).split('\n').length}`;
    throw new CredentialsError(`${path}${line}: this is not JSON`);
  }
}
