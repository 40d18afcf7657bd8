/**
 * Whether an answer is the service's own, or comes from something in between: a proxy, a gateway, a load balancer. Pure.
 *
 * Invariant: only what the service itself answers says anything about the object or the request.
 */
import type { Answer } from './transport.ts';

export type Who = 'Keystone' | 'Nova' | 'Mistral';

/** What Nova names its faults (nova/api/openstack/wsgi.py, `Fault._fault_names`; `computeFault` for the rest). */
const NOVA_FAULTS: ReadonlySet<string> = new Set([
  'badRequest',
  'unauthorized',
  'forbidden',
  'itemNotFound',
  'badMethod',
  'notAcceptable',
  'conflictingRequest',
  'overLimit',
  'badMediaType',
  'notImplemented',
  'serviceUnavailable',
  'computeFault',
]);

/** In the form that the service gives its errors, or with the request id that it gives every answer. A page of HTML never is. */
export function isOwn(answer: Answer, who: Who): boolean {
  return ownFault(answer, who) !== undefined || (requestIdOf(answer) !== undefined && !isPage(answer));
}

/** A page for people. */
export function isPage({ headers, body }: Pick<Answer, 'headers' | 'body'>): boolean {
  return String(headers['content-type']).startsWith('text/html') || /^\s*<(?:!doctype|html)/i.test(body);
}

/** Whether a 404 is the service's word that the object does not exist. */
export function isOwnNotFound(answer: Answer, who: Who): boolean {
  const name = ownFault(answer, who);
  return who === 'Nova' ? name === 'itemNotFound' : name !== undefined;
}

/**
 * The name of the fault: of Nova `{"itemNotFound": {"message": …, "code": …}}`, of Keystone `{"error": {"message": …, "code": …}}`, of
 * Mistral `{"faultstring": …}`.
 */
function ownFault({ body, status }: Answer, who: Who): string | undefined {
  const tree = json(body);
  if (typeof tree !== 'object' || tree === null) return undefined;
  if (who === 'Mistral')
    return 'faultstring' in tree && typeof tree.faultstring === 'string' ? 'faultstring' : undefined;
  const [[name, value] = ['', undefined]] = Object.entries(tree);
  const isNamed = who === 'Nova' ? NOVA_FAULTS.has(name) : name === 'error';
  if (!isNamed || typeof value !== 'object' || value === null || !('message' in value)) return undefined;
  const hasCode = !('code' in value) || Number(value.code) === status;
  return typeof value.message === 'string' && hasCode ? name : undefined;
}

export function requestIdOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  const id = headers['x-openstack-request-id'] ?? headers['x-compute-request-id'];
  return typeof id === 'string' && /^[\w-]{1,80}$/.test(id) ? id : undefined;
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
