/** Calls that the simulated cloud refuses for one object, as a policy, a quota or a broken record does in a real one. */
import type { CloudError } from '#openstack/cloud-error.ts';

export class Refusals {
  readonly #errors = new Map<string, { readonly error: CloudError; left: number }>();

  add(method: string, object: string, error: CloudError, times: number): void {
    this.#errors.set(`${method} ${object}`, { error, left: times });
  }

  remove(method: string, object: string): void {
    this.#errors.delete(`${method} ${object}`);
  }

  assertPermitted(method: string, object: string): void {
    const refusal = this.#errors.get(`${method} ${object}`);
    if (!refusal || refusal.left <= 0) return;
    refusal.left -= 1;
    throw refusal.error;
  }
}
