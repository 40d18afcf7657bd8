/**
 * Reads users and projects from Keystone.
 *
 * A missing user, project or address is undefined. A missing right to read it is an error.
 */
import * as v from 'valibot';
import { CloudError } from '#openstack/cloud-error.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Deadline } from '#openstack/http/deadline.ts';
import { fault, type RequestDescription } from '#openstack/http/fault.ts';
import { parsed } from '#openstack/http/response-body.ts';
import { send } from '#openstack/http/send.ts';
import type { Request } from '#openstack/http/transport.ts';
import type { Keystone, Session } from '#openstack/keystone/session.ts';

/** Users and projects have any properties that operators gave them. */
const Address = v.nullish(v.unknown());
const UserAnswer = v.object({ user: v.object({ email: Address }) });
const ProjectAnswer = v.object({ project: v.object({ email: Address }) });

export class Identity {
  readonly #keystone: Keystone;
  readonly #client: HttpClient;

  constructor(keystone: Keystone, client: HttpClient) {
    this.#keystone = keystone;
    this.#client = client;
  }

  async userAddress(id: string, deadline: Deadline): Promise<string | undefined> {
    const answer = await this.#get(UserAnswer, `/users/${encodeURIComponent(id)}`, deadline);
    return textOf(answer?.user.email);
  }

  async projectAddress(id: string, deadline: Deadline): Promise<string | undefined> {
    const answer = await this.#get(ProjectAnswer, `/projects/${encodeURIComponent(id)}`, deadline);
    return textOf(answer?.project.email);
  }

  async #get<S extends v.GenericSchema>(
    schema: S,
    path: string,
    deadline: Deadline,
  ): Promise<v.InferOutput<S> | undefined> {
    const description: RequestDescription = { who: 'Keystone', what: `GET ${path}` };
    const query = async (session: Session): Promise<v.InferOutput<S>> => {
      const url = new URL(`${this.#keystone.identityRoot(session)}${path}`);
      const headers = { 'x-auth-token': session.token };
      const request: Request = { service: 'identity', method: 'GET', url, headers };
      const answer = await send(this.#client, { description, request, repeatable: 'safe' }, deadline);
      if (answer.status !== 200) throw fault(description, answer, this.#client.redaction);
      return parsed(schema, answer, description);
    };
    try {
      return await this.#keystone.authorised(deadline, query);
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }
}

function textOf(address: unknown): string | undefined {
  return typeof address === 'string' && address.trim() !== '' ? address.trim() : undefined;
}
