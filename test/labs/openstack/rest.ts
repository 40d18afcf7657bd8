/** A small REST client for the lab's own control calls, so that the lab does not depend on what it tests. */

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON body, or the text where it is not JSON, or null where it is empty. */
  readonly body: unknown;
}

/** User agent of the lab's calls; `callCounts` uses it to separate them from the calls of the program under test. */
export const LAB_USER_AGENT = 'openstack-lab';

/** Every call ends after this time, in ms. Nova's own calls between its services end after 60 s. */
const CALL_TIMEOUT_MS = 90_000;

/** A scoped password or application credential, as the body of Keystone's `POST /auth/tokens` wants it. */
export type Identity = Readonly<Record<string, unknown>>;

export const adminIdentity = (password: string, project = 'admin'): Identity => ({
  identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password } } },
  scope: { project: { name: project, domain: { id: 'default' } } },
});

export async function send(
  method: string,
  address: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const response = await fetch(address, {
    method,
    headers: { 'User-Agent': LAB_USER_AGENT, 'Content-Type': 'application/json', ...options.headers },
    ...(options.body === undefined
      ? {}
      : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) };
}

function parsed(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Calls one service as the administrator; one token for all calls, a new one after a 401. */
export class RestClient {
  readonly #authUrl: string;
  readonly #identity: Identity;
  #token: Promise<string> | undefined;

  constructor(authUrl: string, identity: Identity) {
    this.#authUrl = authUrl;
    this.#identity = identity;
  }

  /** Any response is returned, with any status. */
  async request(
    method: string,
    address: string,
    options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const withToken = async (): Promise<Answer> => {
      this.#token ??= this.#newToken();
      return await send(method, address, {
        ...options,
        headers: { ...options.headers, 'X-Auth-Token': await this.#token },
      });
    };
    const answer = await withToken();
    if (answer.status !== 401) return answer;
    this.#token = undefined;
    return await withToken();
  }

  /** The body of a successful response; any other response is an error with the message of the service. */
  async call(
    method: string,
    address: string,
    options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const answer = await this.request(method, address, options);
    if (answer.status < 200 || answer.status > 299) throw new RefusedCall(method, address, answer);
    return answer;
  }

  async #newToken(): Promise<string> {
    const answer = await send('POST', `${this.#authUrl}/auth/tokens`, { body: { auth: this.#identity } });
    const token = answer.headers.get('x-subject-token');
    if (answer.status !== 201 || token === null) throw new RefusedCall('POST', `${this.#authUrl}/auth/tokens`, answer);
    return token;
  }
}

export class RefusedCall extends Error {
  override readonly name = 'RefusedCall';
  readonly answer: Answer;

  constructor(method: string, address: string, answer: Answer) {
    super(`${method} ${address} returned ${answer.status}: ${JSON.stringify(answer.body)}`);
    this.answer = answer;
  }
}
