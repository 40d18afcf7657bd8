/**
 * Questions to Keystone about users and projects.
 *
 * What is not there, or what Keystone has no address for, is undefined; that we may not ask is an error.
 */
import * as v from 'valibot';
import { CloudError } from '../cloud.ts';
import { parsed } from './answers.ts';
import type { Deadline } from './deadline.ts';
import { type Asked, fault } from './faults.ts';
import type { Keystone, Session } from './keystone.ts';
import type { Request } from './transport.ts';
import { type Line, send } from './tries.ts';

/** Users and projects have whatever properties somebody gave them. */
const Address = v.nullish(v.unknown());
const UserAnswer = v.object({ user: v.object({ email: Address }) });
const ProjectAnswer = v.object({ project: v.object({ email: Address }) });

export class Identity {
  readonly #keystone: Keystone;
  readonly #line: Line;

  constructor(keystone: Keystone, line: Line) {
    this.#keystone = keystone;
    this.#line = line;
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
    const asked: Asked = { who: 'Keystone', what: `GET ${path}` };
    const ask = async (session: Session): Promise<v.InferOutput<S>> => {
      const url = new URL(`${this.#keystone.identityRoot(session)}${path}`);
      const headers = { 'x-auth-token': session.token };
      const request: Request = { service: 'identity', method: 'GET', url, headers };
      const answer = await send(this.#line, { asked, request, repeatable: 'safe' }, deadline);
      if (answer.status !== 200) throw fault(asked, answer, this.#line.redaction);
      return parsed(schema, answer, asked);
    };
    try {
      return await this.#keystone.authorised(deadline, ask);
    } catch (error) {
      if (error instanceof CloudError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }
}

function textOf(address: unknown): string | undefined {
  return typeof address === 'string' && address.trim() !== '' ? address.trim() : undefined;
}
