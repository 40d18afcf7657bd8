/** Exit codes of a resource agent (Open Cluster Framework Resource Agent API 1.1, section 3.5.2). */
export const OCF = {
  SUCCESS: 0,
  /** A failure that may pass; the cluster may start the resource on another node. */
  ERR_GENERIC: 1,
  /** Not used: the parameters are invalid on this node. */
  ERR_ARGS: 2,
  ERR_UNIMPLEMENTED: 3,
  ERR_PERM: 4,
  /** This node lacks something or has an error: other nodes are used. */
  ERR_INSTALLED: 5,
  /** The cluster's own configuration of the resource is invalid, so that it is started on no node. */
  ERR_CONFIGURED: 6,
  NOT_RUNNING: 7,
} as const;

export type OcfCode = (typeof OCF)[keyof typeof OCF];

/** Ends an action with a code and a line for the cluster's log. */
export class OcfFailure extends Error {
  override readonly name = 'OcfFailure';
  readonly code: OcfCode;

  constructor(code: OcfCode, message: string) {
    super(message);
    this.code = code;
  }
}
