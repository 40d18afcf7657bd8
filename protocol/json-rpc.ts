/**
 * JSON-RPC 2.0, one message a line, as engine and clients use it over a socket.
 */
import { MAX_NOTIFICATION_BYTES } from './notification.ts';

/** The longest line that a server reads: a notification's body and its envelope of JSON-RPC. */
export const MAX_REQUEST_BYTES = MAX_NOTIFICATION_BYTES + 1024;

export const RPC_ERRORS = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** The request cannot be executed; the message has the reason. */
  refused: -32000,
  /** The engine is stopping or lost its lease: send the request to the next one. */
  stopping: -32001,
  /** The engine waits for the journal and does not have the lease yet: send the request again. */
  starting: -32002,
  /** The identity of the caller may not do this; the message has the role that may. */
  forbidden: -32003,
  /** The caller sent more than its share: it may send the same request later. */
  tooMany: -32004,
} as const;

export type RpcErrorCode = (typeof RPC_ERRORS)[keyof typeof RPC_ERRORS];

export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  /** The invalid field, for `invalidParams`. */
  readonly field: string | undefined;

  constructor(code: number, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

/** True if an engine responded that is not active: send the request to another one, or again to the same one later. */
export function isNotInCharge({ code }: RpcError): boolean {
  return code === RPC_ERRORS.stopping || code === RPC_ERRORS.starting;
}

export interface RpcRequest {
  readonly id: number | string | null;
  readonly method: string;
  readonly params: unknown;
}

/** Reads a line from a client. Throws `RpcError`. */
export function parseRequest(line: string): RpcRequest {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    throw new RpcError(RPC_ERRORS.parse, 'this line is not JSON');
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new RpcError(RPC_ERRORS.invalidRequest, 'a request is a JSON object');
  }
  const { jsonrpc, id, method, params } = message as Record<string, unknown>;
  if (jsonrpc !== '2.0' || typeof method !== 'string') {
    throw new RpcError(RPC_ERRORS.invalidRequest, 'a request has jsonrpc "2.0" and a method');
  }
  // Without an id JSON-RPC forbids a response, and every request here has one.
  if (typeof id !== 'number' && typeof id !== 'string' && id !== null) {
    throw new RpcError(RPC_ERRORS.invalidRequest, 'a request has an id, a number or a text');
  }
  return { id, method, params };
}

export function formatResult(id: RpcRequest['id'], result: unknown): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`;
}

export function formatError(id: RpcRequest['id'], error: RpcError): string {
  const data = error.field === undefined ? {} : { data: { field: error.field } };
  return `${JSON.stringify({ jsonrpc: '2.0', id, error: { code: error.code, message: error.message, ...data } })}\n`;
}

export function formatCall(method: string, params: unknown, id?: number): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, params })}\n`;
}
