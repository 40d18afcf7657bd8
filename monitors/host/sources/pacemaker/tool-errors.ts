/**
 * Finds the reason of a failure of Pacemaker's tools in their output. Pure.
 *
 * With `--output-as=xml` crm_mon writes its errors into the document on standard output and nothing to standard error. With a CIB that it
 * cannot use it even ends with success (measured: 2.1.5).
 */

const MAX_REASON = 300;
const MAX_ERRORS = 4;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** What an operator can do, by exit code. Source: `crm_error --exit --list`. */
const HINTS: Readonly<Record<number, string>> = {
  4: 'run the monitor as root or in the group haclient',
  102: 'is Pacemaker running on this node?',
};

/** The errors in a document of Pacemaker, in one line; empty if there are none. */
export function errorsIn(document: string): string {
  const texts = Array.from(document.matchAll(/<error>([^<]*)<\/error>/g), ([, text = '']) => text);
  return oneLine(texts.slice(0, MAX_ERRORS).map((text) => text.replaceAll(/&(lt|gt|quot|apos|amp);/g, unescaped)));
}

/** The errors of a tool that failed, and a hint if the code has one. @param code its exit code, or that of the system */
export function toolFailure(code: unknown, stdout: string, stderr: string): string {
  const [last = ''] = stderr.trim().split('\n').slice(-1);
  const reason = errorsIn(stdout) || oneLine([last]) || 'no reason given';
  const hint = typeof code === 'number' && Object.hasOwn(HINTS, code) ? `; ${HINTS[code]}` : '';
  return `failed (exit code ${String(code)}): ${reason}${hint}`;
}

function unescaped(_: string, name: string): string {
  return ENTITIES[name] ?? '';
}

function oneLine(texts: readonly string[]): string {
  const lines = texts.map((text) => text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim());
  return lines
    .filter((line) => line !== '')
    .join('; ')
    .slice(0, MAX_REASON);
}
