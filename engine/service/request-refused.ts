/** The operator asked for something that cannot be done; the message says why. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
}
