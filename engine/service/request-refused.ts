/** The operator's command cannot be carried out; the message states why. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
}
