import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCall, formatError, formatResult, parseRequest, RPC_ERRORS, RpcError } from './json-rpc.ts';

describe('a request', () => {
  it('is read as it was formatted', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.nat(), (method, params, id) => {
        const line = formatCall(method, params, id);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(parseRequest(line)).toEqual({ id, method, params: JSON.parse(JSON.stringify(params)) });
      }),
    );
  });

  it.each([
    ['garbage', 'hello', RPC_ERRORS.parse],
    ['half a line', '{"jsonrpc":"2.0",', RPC_ERRORS.parse],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', RPC_ERRORS.invalidRequest],
    ['null', 'null', RPC_ERRORS.invalidRequest],
    ['a number', '7', RPC_ERRORS.invalidRequest],
    ['no version', '{"id":1,"method":"ping"}', RPC_ERRORS.invalidRequest],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', RPC_ERRORS.invalidRequest],
    ['no method', '{"jsonrpc":"2.0","id":1}', RPC_ERRORS.invalidRequest],
    ['a method that is no text', '{"jsonrpc":"2.0","id":1,"method":["ping"]}', RPC_ERRORS.invalidRequest],
    ['no id', '{"jsonrpc":"2.0","method":"ping"}', RPC_ERRORS.invalidRequest],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}', RPC_ERRORS.invalidRequest],
  ])('is refused: %s', (_, line, code) => {
    expect(() => parseRequest(line)).toThrow(expect.objectContaining({ name: 'RpcError', code }));
  });

  it('does not overflow the stack at any depth of nesting', () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    expect(parseRequest(`{"jsonrpc":"2.0","id":1,"method":"x","params":${deep}}`).method).toBe('x');
  });

  it('never throws anything but an RpcError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        try {
          parseRequest(line);
        } catch (error) {
          expect(error).toBeInstanceOf(RpcError);
        }
      }),
    );
  });
});

describe('a response', () => {
  it('is one line, for any content', () => {
    const result = formatResult(1, { message: 'two\nlines' });
    expect(result.trimEnd().includes('\n')).toBe(false);
    expect(JSON.parse(result)).toEqual({ jsonrpc: '2.0', id: 1, result: { message: 'two\nlines' } });
  });

  it('has the name of the invalid field', () => {
    const line = formatError('a', new RpcError(RPC_ERRORS.invalidParams, 'uuid is missing', 'uuid'));
    const error = { code: -32602, message: 'uuid is missing', data: { field: 'uuid' } };
    expect(JSON.parse(line)).toEqual({ jsonrpc: '2.0', id: 'a', error });
  });
});
