/** The errors of a call to libvirt, and of the connection itself. */

/** libvirt refused a call; the connection stays open. */
export class LibvirtRefusal extends Error {
  override readonly name = 'LibvirtRefusal';
  /** virErrorNumber */
  readonly code: number;

  constructor(code: number, message: string) {
    super(`libvirt: ${message.slice(0, 500)}`);
    this.code = code;
  }
}

/** A call timed out or was aborted by its signal; libvirt may still be processing it. The connection stays open. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The connection could not be opened, or has ended. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}
