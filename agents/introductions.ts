/**
 * Who is behind each connection, for the audit: the caller that the connection proves, and the user that a command line names.
 *
 * Invariant: only a peer of the unix socket can name a user. The name is a claim that is recorded; nothing is decided by it.
 */
import * as v from 'valibot';
import { LOCAL_CALLER } from '#protocol/caller.ts';
import { RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { faultOfReason, type LocalUser, type Origin } from '#protocol/origin.ts';
import { printable } from '#protocol/printable.ts';
import type { Peer } from '#protocol/server.ts';

const uid = v.pipe(v.number('must be a number'), v.integer('must be whole'), v.minValue(0, 'must be at least 0'));
const userName = v.pipe(
  v.string('must be a text'),
  v.maxLength(255, 'is longer than 255 characters'),
  v.transform(printable),
);

export const introduceParams = v.strictObject({
  uid,
  user: v.nullable(userName),
  sudo_uid: v.nullable(uid),
  sudo_user: v.nullable(userName),
});

/** What an operator gives with `--reason`. */
export const reasonParam = v.optional(
  v.pipe(
    v.string('must be a text'),
    v.check(
      (text) => faultOfReason(text) === undefined,
      ({ input }) => faultOfReason(input) ?? '',
    ),
  ),
);

export class Introductions {
  readonly #users = new WeakMap<AbortSignal, LocalUser>();

  /** Takes the user that a command line names. Throws `RpcError` for a peer of another node. */
  take({ caller, signal }: Peer, user: LocalUser): void {
    if (caller.identity !== LOCAL_CALLER.identity || caller.address !== '') {
      throw new RpcError(RPC_ERRORS.refused, 'introduce: only connections of the unix socket have a local user');
    }
    this.#users.set(signal, user);
  }

  /** @param reason what an operator gives; of any other peer it is dropped */
  originOf({ caller, signal }: Peer, reason: string | null = null): Origin {
    const isOperator = caller.roles.includes('operator');
    return { caller, user: this.#users.get(signal) ?? null, reason: isOperator ? reason : null };
  }
}
