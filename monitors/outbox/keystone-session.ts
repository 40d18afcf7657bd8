/**
 * A token of Keystone v3 and where Masakari's API is, for reports that go to a Masakari.
 *
 * Invariant: a password or token is in no message and no log.
 */
import * as v from 'valibot';
import type { Credentials, DomainRef, NamedRef, Scope } from '#config/clouds.ts';
import type { Ask, HttpAnswer } from './http.ts';

export interface Session {
  readonly token: string;
  /** The API's base with its version, without a slash at the end. */
  readonly endpoint: string;
}

/** There is no token; the message says why. */
export class NoSession extends Error {
  override readonly name = 'NoSession';
}

/** The types under which catalogs have Masakari (service-types.openstack.org). */
const SERVICE_TYPES: readonly string[] = ['instance-ha', 'ha'];
/** Before its end a token is renewed, so that none ends on the way. */
const MARGIN_MS = 60_000;

const tokenSchema = v.object({
  token: v.object({
    expires_at: v.nullish(v.string()),
    issued_at: v.nullish(v.string()),
    catalog: v.optional(
      v.array(
        v.object({
          type: v.string(),
          name: v.nullish(v.string()),
          endpoints: v.array(v.object({ interface: v.string(), url: v.string(), region_id: v.nullish(v.string()) })),
        }),
      ),
      [],
    ),
  }),
});

export class KeystoneSession {
  readonly #credentials: Credentials;
  readonly #ask: Ask;
  /** Set by the operator; empty: the catalog says it. */
  readonly #endpoint: string;
  #held: { readonly session: Session; readonly renewAt: number } | undefined;
  #renewing: Promise<Session> | undefined;

  constructor(credentials: Credentials, ask: Ask, endpoint: string) {
    this.#credentials = credentials;
    this.#ask = ask;
    this.#endpoint = endpoint;
  }

  /** Throws `NoSession`. */
  async get(): Promise<Session> {
    if (this.#held && performance.now() < this.#held.renewAt) return this.#held.session;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** It was not taken: the next call gets another one. */
  discard(session: Session): void {
    if (this.#held?.session === session) this.#held = undefined;
  }

  async #renew(): Promise<Session> {
    const { authUrl, source } = this.#credentials;
    const request = tokenRequest(this.#credentials);
    if (request === undefined) {
      throw new NoSession(`${source} holds a token, which ends and cannot be renewed; use an application credential`);
    }
    const url = new URL(`${authUrl.replace(/\/+(?:v3|v2\.0)?\/*$|$/, '')}/v3/auth/tokens`);
    let answer: HttpAnswer;
    try {
      answer = await this.#ask({
        method: 'POST',
        url,
        headers: {},
        body: JSON.stringify(request),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new NoSession(`Keystone at ${url.origin} cannot be reached: ${reason}`, { cause: error });
    }
    if (answer.status !== 201) {
      const hint = answer.status === 401 ? `; are the credentials of ${source} right?` : '';
      throw new NoSession(`Keystone at ${url.origin} gives no token (HTTP ${answer.status})${hint}`);
    }
    const session = this.#read(answer);
    this.#held = session;
    return session.session;
  }

  #read({ headers, text }: HttpAnswer): { session: Session; renewAt: number } {
    const token = headers['x-subject-token'];
    const parsed = v.safeParse(tokenSchema, parseJson(text));
    if (typeof token !== 'string' || token === '' || !parsed.success) {
      throw new NoSession('what answers at auth_url does not speak as Keystone does');
    }
    const { expires_at, issued_at, catalog } = parsed.output.token;
    // By Keystone's own clock: this host's may be wrong.
    const lifetime = Date.parse(expires_at ?? '') - Date.parse(issued_at ?? '');
    const renewAt = performance.now() + (Number.isFinite(lifetime) ? Math.max(0, lifetime - MARGIN_MS) : MARGIN_MS);
    return { session: { token, endpoint: this.#endpoint || this.#find(catalog) }, renewAt };
  }

  #find(catalog: v.InferOutput<typeof tokenSchema>['token']['catalog']): string {
    const own = this.#credentials.services?.['instance-ha'] ?? {};
    if (own.endpoint !== undefined) return own.endpoint.replace(/\/+$/, '');
    const { interface: wanted, region } = { ...this.#credentials, ...own };
    const types = own.type === undefined ? SERVICE_TYPES : [own.type];
    const endpoint = catalog
      .filter(({ type, name }) => types.includes(type) && (own.name === undefined || own.name === name))
      .flatMap(({ endpoints }) => endpoints)
      .find((one) => one.interface === wanted && (region === undefined || one.region_id === region));
    if (endpoint) return endpoint.url.replace(/\/+$/, '');
    const where = region === undefined ? '' : ` in region ${region}`;
    throw new NoSession(
      `the catalog has no ${wanted} endpoint of instance-ha${where}; set [transport] masakari_endpoint`,
    );
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for a token that would be used as it is. */
function tokenRequest(credentials: Credentials): object | undefined {
  if (credentials.method === 'token') {
    const { token, scope } = credentials;
    if (scope === undefined) return undefined;
    return { auth: { identity: { methods: ['token'], token: { id: token.reveal() } }, scope: scopeOf(scope) } };
  }
  if (credentials.method === 'application_credential') {
    const { credential, secret } = credentials;
    const named = 'id' in credential ? credential : { name: credential.name, user: refOf(credential.user) };
    const identity = {
      methods: ['application_credential'],
      application_credential: { ...named, secret: secret.reveal() },
    };
    return { auth: { identity } };
  }
  const { user, password, scope } = credentials;
  const identity = { methods: ['password'], password: { user: { ...refOf(user), password: password.reveal() } } };
  return { auth: { identity, scope: scopeOf(scope) } };
}

function scopeOf(scope: Scope): object {
  if ('system' in scope) return { system: { all: true } };
  return 'trust' in scope ? { 'OS-TRUST:trust': { id: scope.trust } } : { project: refOf(scope.project) };
}

function refOf(ref: NamedRef): object {
  return 'id' in ref ? { id: ref.id } : { name: ref.name, domain: domainOf(ref.domain) };
}

function domainOf(ref: DomainRef): object {
  return 'id' in ref ? { id: ref.id } : { name: ref.name };
}
