/**
 * Keystone's v3 format: the body of a request for a token, and the content of the response. Pure.
 *
 * Invariant: a token's age is measured from Keystone's own times, never from this machine's wall clock.
 */
import * as v from 'valibot';
import type { Credentials, DomainRef, NamedRef, Scope } from '#config/clouds/clouds.ts';
import { CloudError } from '../cloud-error.ts';
import type { Answer } from '../http/exchange.ts';
import { utc } from '../http/response-body.ts';
import { httpDate } from '../http/retry-after.ts';
import type { Endpoint } from './catalogue.ts';

export interface Token {
  readonly text: string;
  readonly catalogue: readonly Endpoint[];
  /** Undefined if Keystone does not list them. */
  readonly roles: readonly string[] | undefined;
  /** The user and the scope, by name. */
  readonly identity: string;
  /** The rest of its life at Keystone's response; undefined if Keystone does not return it. */
  readonly lifetimeMs: number | undefined;
  /** Keystone's clock at its response. */
  readonly answeredAt: Date | undefined;
}

/** The body of `POST /v3/auth/tokens`; undefined for a token that is used unchanged. */
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
/** Only for display: an unexpected value is omitted. */
const Named = v.fallback(v.optional(v.object({ name: v.string() })), undefined);
const Roles = v.fallback(v.optional(v.array(v.object({ name: v.string() }))), undefined);
export const TokenAnswer = v.object({
  token: v.object({
    expires_at: Text,
    issued_at: Text,
    roles: Roles,
    user: Named,
    project: Named,
    system: v.optional(v.unknown()),
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
  // A token that was sent to Keystone was issued some time ago, a new one just now: the later time is that of the response.
  const times = [issuedAt, httpDate(answer.headers)].filter((each) => each !== undefined).map(Number);
  const answeredAt = times.length === 0 ? undefined : new Date(Math.max(...times));
  return {
    text,
    roles: token.roles?.map(({ name }) => name),
    identity: identityOf(token),
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

function identityOf({ user, project, system }: v.InferOutput<typeof TokenAnswer>['token']): string {
  const scope = system === undefined ? `project ${project?.name ?? 'of unknown name'}` : 'the whole system';
  return `user ${user?.name ?? 'of unknown name'}, ${scope}`;
}

/** The token's header in a response to `POST`. */
export function tokenText(answer: Answer): string {
  const text = answer.headers['x-subject-token'];
  if (typeof text === 'string' && text !== '') return text;
  throw new CloudError('unreachable', 'Keystone responded without a token: no X-Subject-Token');
}
