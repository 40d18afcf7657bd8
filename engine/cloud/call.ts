/** Parameters and response of a call that changes something. */
import type { CallOptions } from '#openstack/http/call.ts';

/** The response to a call that changes something. */
export interface Accepted {
  /** Nova's `x-openstack-request-id`, or null without one. */
  readonly requestId: string | null;
}

/** Parameters of every call that changes something. */
export interface ActOptions extends CallOptions {
  /** Sent as the global request id (`req-<uuid>`), so that the cloud's logs name our flow. */
  readonly globalRequestId?: string;
}
