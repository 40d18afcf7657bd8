/**
 * Keystone's v3 words: the body that asks for a token, and what its answer says. Pure.
 *
 * Invariant: a token's age is measured from Keystone's own times, never from this machine's wall clock.
 */
import * as v from 'valibot';
import type { Credentials, DomainRef, NamedRef, Scope } from '#config/clouds.ts';
import { CloudError } from '../cloud.ts';
import { utc } from './answers.ts';
import type { Endpoint } from './catalogue.ts';
import { httpDate } from './retry.ts';
import type { Answer } from './transport.ts';

export interface Token {
  readonly text: string;
  readonly catalogue: readonly Endpoint[];
  /** What was left of its life when Keystone answered; undefined where Keystone does not tell. */
  readonly lifetimeMs: number | undefined;
  /** Keystone's clock when it answered. */
  readonly answeredAt: Date | undefined;
}

/** The body of `POST /v3/auth/tokens`; undefined for a token that is used as it is. */
export function tokenRequest(credentials: Credentials): object | undefined {
  switch (credentials.method) {
    case 'token': {
      const { token, scope } = credentials;
      if (scope === undefined) return undefined;
      return { auth: { identity: { methods: ['token'], token: { id: token.reveal() } }, scope: scopeOf(scope) } };
    }
    case 'application_credential': {
      const { credential, secret } = credentials;
      const named = 'id' in credential ? credential : { name: credential.name, user: ref(credential.user) };
      const identity = {
        methods: ['application_credential'],
        application_credential: { ...named, secret: secret.reveal() },
      };
      return { auth: { identity } };
    }
    case 'password': {
      const { user, password, scope } = credentials;
      const identity = { methods: ['password'], password: { user: { ...ref(user), password: password.reveal() } } };
      return { auth: { identity, scope: scopeOf(scope) } };
    }
  }
}

function ref(named: NamedRef): object {
  return 'id' in named ? { id: named.id } : { name: named.name, domain: domain(named.domain) };
}

function domain(named: DomainRef): object {
  return 'id' in named ? { id: named.id } : { name: named.name };
}

function scopeOf(scope: Scope): object {
  if ('system' in scope) return { system: { all: true } };
  return 'trust' in scope ? { 'OS-TRUST:trust': { id: scope.trust } } : { project: ref(scope.project) };
}

const Text = v.nullish(v.string());
export const TokenAnswer = v.object({
  token: v.object({
    expires_at: Text,
    issued_at: Text,
    catalog: v.optional(
      v.array(
        v.object({
          type: v.string(),
          name: Text,
          endpoints: v.array(v.object({ interface: v.string(), url: v.string(), region: Text, region_id: Text })),
        }),
      ),
      [],
    ),
  }),
});

export function tokenOf(text: string, { token }: v.InferOutput<typeof TokenAnswer>, answer: Answer): Token {
  const issuedAt = utc(token.issued_at);
  const expiresAt = utc(token.expires_at);
  // A token that was shown to Keystone was issued some time ago, a new one just now: the later time is the answer's.
  const times = [issuedAt, httpDate(answer.headers)].filter((each) => each !== undefined).map(Number);
  const answeredAt = times.length === 0 ? undefined : new Date(Math.max(...times));
  return {
    text,
    catalogue: token.catalog.flatMap(({ type, name, endpoints }) =>
      endpoints.map((each) => ({
        type,
        name: name ?? undefined,
        interface: each.interface.replace(/URL$/, ''),
        region: each.region_id ?? each.region ?? undefined,
        url: each.url,
      })),
    ),
    lifetimeMs: expiresAt && answeredAt ? expiresAt.getTime() - answeredAt.getTime() : undefined,
    answeredAt,
  };
}

/** The token's header in an answer to `POST`. */
export function tokenText(answer: Answer): string {
  const text = answer.headers['x-subject-token'];
  if (typeof text === 'string' && text !== '') return text;
  throw new CloudError('unreachable', 'Keystone answered without a token: no X-Subject-Token');
}
