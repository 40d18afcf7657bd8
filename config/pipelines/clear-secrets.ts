/**
 * Secrets in the definitions of tasks: which names hold one, and by what a definition refers to one. Pure.
 *
 * Invariant: no definition that is accepted has a secret in clear. Definitions are frozen into plans, so they are in the journal, in its
 * copies and in `show`; words of a command are visible to every user of the machine. A reference is resolved for one call of the task, and
 * only if it is written in the definition itself: a filled-in value is never treated as a reference.
 */
import type { Value } from '../expressions/expression.ts';

/** `file:PATH`: the first line of the file. `env:NAME`: a variable of the engine's environment. */
export type SecretReference =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'env'; readonly variable: string };

const REFERENCE = /^(?:file:(?<path>(?:\/|\.\.?\/)\S+)|env:(?<variable>[A-Za-z_][A-Za-z0-9_]{0,127}))$/;

export function secretReference(text: string): SecretReference | undefined {
  const { path, variable } = REFERENCE.exec(text)?.groups ?? {};
  if (path !== undefined) return { from: 'file', path };
  return variable === undefined ? undefined : { from: 'env', variable };
}

const SECRET_WORD =
  /(?:password|passwd|passphrase|passcode|secret|token|credential|apikey|authkey)s?$|^(?:pass|pwd|auth|authorization|cookie|bearer)$/;
/** Words before "key" with which it is none that opens anything. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set([
  ...[
    'public',
    'primary',
    'foreign',
    'sort',
    'partition',
    'group',
    'grouping',
    'index',
    'metadata',
    'lookup',
    'search',
    'map',
  ],
  ...[
    'step',
    'idempotency',
    'dedup',
    'deduplication',
    'cache',
    'object',
    'host',
    'instance',
    'project',
    'issue',
    'ticket',
  ],
]);
/** Words behind the one that counts. */
const TAIL = /^(?:value|text|string|raw|base64|b64|hex|\d+)$/;

/** Whether what has this name is most likely a secret: `api_token`, `X-Api-Key`, `dbPassword`, `password2`; not `token_file`, `public_key`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Za-z])(\d+)$/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  while (words.length > 1 && TAIL.test(words.at(-1) ?? '')) words.pop();
  const last = words.at(-1) ?? '';
  if (last === 'key' || last === 'keys') return !HARMLESS_KEYS.has(words.at(-2) ?? '');
  return SECRET_WORD.test(last);
}

/** Forms that only secrets have: URLs with a password, tokens and private keys of well-known makers, webhooks whose path is the secret. */
const SECRET_FORMS = [
  /[a-z][a-z0-9+.-]*:\/\/[^\s/?#@"'{}]*:[^\s/?#@"'{}]+@/i,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b(?:gh[opsu]_[A-Za-z0-9]{20,}|github_pat_|glpat-|xox[abeprs]-|AKIA[0-9A-Z]{16}\b|sk_live_)/,
  /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\./,
  /\bhooks\.slack\.com\/services\/[A-Z0-9]/,
];

export function hasSecretForm(text: string): boolean {
  return SECRET_FORMS.some((form) => form.test(text));
}

/** Whether a text under the name of a secret holds one in clear: anything but nothing, a reference, or a value that is filled in. */
export function isInClear(text: string): boolean {
  if (secretReference(text) !== undefined) return false;
  const written = text.replaceAll(/\{\{.*?\}\}/gs, '').trim();
  return written !== '' && !(text.includes('{{') && /^(?:bearer|basic|token)$/i.test(written));
}

/** The first name in a structure that has a secret in clear, or the option itself where a text has the form of one. */
export function clearSecretIn(name: string, value: Value, isSecret: (name: string) => boolean): string | undefined {
  if (typeof value === 'string') {
    return hasSecretForm(value) || (isSecret(name) && isInClear(value)) ? name : undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  const items: readonly (readonly [string, Value])[] = Array.isArray(value)
    ? value.map((item: Value) => [name, item] as const)
    : Object.entries(value);
  for (const [inner, item] of items) {
    const found = clearSecretIn(inner, item, isSecret);
    if (found !== undefined) return found;
  }
  return undefined;
}

const OPTION_WORD = /^--?(?<name>[A-Za-z][\w.-]*)(?:=(?<text>.*))?$/s;

/** The first word of a command that is a secret: `--password=x`, `--token x`, `DB_PASSWORD=x`; a value with such a name as well. */
export function secretWordIn(command: readonly string[], isSecret: (name: string) => boolean): string | undefined {
  for (const [index, word] of command.entries()) {
    if (hasSecretForm(word)) return `word ${index + 1}`;
    const { name, text } =
      OPTION_WORD.exec(word)?.groups ?? /^(?<name>[A-Za-z_]\w*)=(?<text>.*)$/s.exec(word)?.groups ?? {};
    if (name !== undefined && isSecret(name)) {
      const given = text ?? (word.startsWith('--') ? command[index + 1] : undefined) ?? '';
      if (given !== '' && !given.startsWith('--')) return `"${name}"`;
    }
    for (const [, path = ''] of word.matchAll(/\{\{\s*([A-Za-z_][\w.]*)/g)) {
      const step = path.split('.').findLast((one) => !/^\d+$/.test(one)) ?? '';
      if (isSecret(step)) return `"${path}"`;
    }
  }
  return undefined;
}
