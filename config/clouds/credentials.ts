/** Credentials of the cloud, and the other settings for the access to it. */
import { inspect } from 'node:util';
import type { ProxyVariables } from './proxy.ts';

/** A text that only `reveal` returns; printing, logging or serialising it shows `[secret]`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Something of Keystone that is named by its id, or by a name within a domain. */
export type DomainRef = { readonly id: string } | { readonly name: string };
export type NamedRef = { readonly id: string } | { readonly name: string; readonly domain: DomainRef };

/** What a token is for. */
export type Scope =
  | { readonly project: NamedRef }
  | { readonly system: 'all' }
  /** The project and the roles that another user delegated; named by the id of the trust. */
  | { readonly trust: string };

export const INTERFACES = ['public', 'internal', 'admin'] as const;
export type Interface = (typeof INTERFACES)[number];

/** The services that requests are sent to, by their types in service-types.openstack.org. */
export const SERVICES = ['compute', 'identity', 'workflow', 'instance-ha'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Settings of one service; what is absent is as for the whole cloud. */
export interface ServiceSettings {
  /** Used instead of the catalogue's. */
  readonly endpoint?: string;
  readonly interface?: Interface;
  readonly region?: string;
  /** What the catalogue calls the service. */
  readonly type?: string;
  /** The name of the service in the catalogue, where several have one type. */
  readonly name?: string;
}

/** How connections to the cloud are made. */
export interface Connections {
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile: string | undefined;
  /** Whether certificates are checked at all. */
  readonly verify: 'certificates' | 'nothing';
  /** PEM file of the certificate that this client presents; with its private key where `keyFile` is absent. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Absent: both families. */
  readonly family?: 4;
  /** Absent: no proxy. */
  readonly proxies?: ProxyVariables;
}

export interface Access extends Connections {
  /** Where these credentials were found, for messages. */
  readonly source: string;
  readonly authUrl: string;
  readonly region: string | undefined;
  /** Which of a service's endpoints are used. */
  readonly interface: Interface;
  readonly services?: Partial<Readonly<Record<ServiceName, ServiceSettings>>>;
  /** The highest microversion to use with Nova, e.g. `2.79`. */
  readonly computeMicroversion?: string;
  /** Upper bound of the wait for a response, from `api_timeout`. */
  readonly timeoutMs?: number;
}

export type Login =
  | { readonly method: 'password'; readonly user: NamedRef; readonly password: Secret; readonly scope: Scope }
  | {
      readonly method: 'application_credential';
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: NamedRef };
      readonly secret: Secret;
    }
  /**
   * A token that was issued before. Without a scope it is used as it is, and cannot be renewed; with one it is exchanged for
   * a token of that scope.
   */
  | { readonly method: 'token'; readonly token: Secret; readonly scope?: Scope };

export type Credentials = Access & Login;
