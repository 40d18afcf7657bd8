/** How a call to libvirt, or the connection itself, can fail. */

/** libvirt refused a call; the connection goes on. */
export class LibvirtRefusal extends Error {
  override readonly name = 'LibvirtRefusal';
  /** virErrorNumber */
  readonly code: number;

  constructor(code: number, message: string) {
    super(`libvirt says: ${message.slice(0, 500)}`);
    this.code = code;
  }
}

/** A call was given up, by its time or by its signal; libvirt may still be at it. The connection goes on. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The connection could not be made, or is over. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}
