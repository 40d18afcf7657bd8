/** Decodes libvirt's events of a domain. Pure: bytes in, event out. */
import { EVENTS } from './constants.ts';
import { type DomainName, readDomain } from './domain-name.ts';
import type { Message } from './message.ts';
import { XdrReader } from './xdr.ts';

export type DomainEvent = { readonly domain: DomainName } & (
  | { readonly kind: 'lifecycle'; readonly event: number; readonly detail: number }
  | { readonly kind: 'reboot' }
  | { readonly kind: 'watchdog'; readonly action: number }
  | { readonly kind: 'io-error'; readonly path: string; readonly action: number }
  | { readonly kind: 'io-error-reason'; readonly path: string; readonly action: number; readonly reason: string }
  | { readonly kind: 'control-error' }
);

/** Undefined for an event without a subscription. Throws `MalformedReply`. */
export function decodeEvent({ procedure, body }: Pick<Message, 'procedure' | 'body'>): DomainEvent | undefined {
  if (!Object.values(EVENTS).some((event) => event.procedure === procedure)) return undefined;
  const reader = new XdrReader(body);
  // The number of our callback, which is not needed: each kind has its own procedure.
  reader.int();
  const domain = readDomain(reader);
  switch (procedure) {
    case EVENTS.lifecycle.procedure:
      return { kind: 'lifecycle', domain, event: reader.int(), detail: reader.int() };
    case EVENTS.reboot.procedure:
      return { kind: 'reboot', domain };
    case EVENTS.watchdog.procedure:
      return { kind: 'watchdog', domain, action: reader.int() };
    case EVENTS.ioError.procedure: {
      const path = reader.text();
      reader.text(); // the alias of the device
      return { kind: 'io-error', domain, path, action: reader.int() };
    }
    case EVENTS.ioErrorReason.procedure: {
      const path = reader.text();
      reader.text();
      return { kind: 'io-error-reason', domain, path, action: reader.int(), reason: reader.text() };
    }
    default:
      return { kind: 'control-error', domain };
  }
}
