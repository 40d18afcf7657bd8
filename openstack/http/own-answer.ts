/**
 * Whether a response is the service's own, or comes from a proxy, a gateway or a load balancer. Pure.
 *
 * Invariant: only the service's own response is evidence about the object or the request.
 */
import type { Answer } from './exchange.ts';

export type Who = 'Keystone' | 'Nova' | 'Mistral' | 'Masakari';

/**
 * Nova's names of its faults (nova/api/openstack/wsgi.py, `Fault._fault_names`; `computeFault` for the rest). Masakari's are the same.
 */
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

/** In the service's format of errors, or with the request id of its responses. A page of HTML never is. */
export function isOwn(answer: Answer, who: Who): boolean {
  return ownFault(answer, who) !== undefined || (requestIdOf(answer) !== undefined && !isPage(answer));
}

/** A page for people. */
export function isPage({ headers, body }: Pick<Answer, 'headers' | 'body'>): boolean {
  return String(headers['content-type']).startsWith('text/html') || /^\s*<(?:!doctype|html)/i.test(body);
}

/** Whether a 404 is the service's own response that the object does not exist. */
export function isOwnNotFound(answer: Answer, who: Who): boolean {
  const name = ownFault(answer, who);
  return who === 'Nova' ? name === 'itemNotFound' : name !== undefined;
}

/**
 * The name of the fault: of Nova and Masakari `{"itemNotFound": {"message": …, "code": …}}`, of Keystone `{"error": {"message": …, "code": …}}`, of
 * Mistral `{"faultstring": …}`.
 */
function ownFault({ body, status }: Answer, who: Who): string | undefined {
  const tree = json(body);
  if (typeof tree !== 'object' || tree === null) return undefined;
  if (who === 'Mistral')
    return 'faultstring' in tree && typeof tree.faultstring === 'string' ? 'faultstring' : undefined;
  const [[name, value] = ['', undefined]] = Object.entries(tree);
  const isNamed = who === 'Nova' || who === 'Masakari' ? NOVA_FAULTS.has(name) : name === 'error';
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
