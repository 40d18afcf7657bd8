/** Exit codes of a resource agent (Open Cluster Framework Resource Agent API 1.1, section 3.5.2). */
export const OCF = {
  SUCCESS: 0,
  /** Something failed; the cluster may try elsewhere. */
  ERR_GENERIC: 1,
  /** The parameters make no sense on this node. */
  ERR_ARGS: 2,
  ERR_UNIMPLEMENTED: 3,
  ERR_PERM: 4,
  /** Something that must be installed, or mounted, is not there; other nodes may have it. */
  ERR_INSTALLED: 5,
  /** The configuration is wrong everywhere: the cluster starts it nowhere. */
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
