/** The endpoint of a service, from the catalogue that comes with a token. Pure. */

import type { Access, Interface, ServiceName } from '#config/clouds/clouds.ts';
import { CloudError } from '../cloud-error.ts';

export interface Endpoint {
  readonly type: string;
  /** Of the service; undefined if the catalogue has none. */
  readonly name?: string | undefined;
  readonly interface: string;
  readonly region: string | undefined;
  readonly url: string;
}

export interface Wanted {
  readonly type: string;
  /** Of the service; undefined: any. */
  readonly name?: string | undefined;
  readonly interface: Interface;
  readonly region: string | undefined;
}

/**
 * The endpoint of a service: the one in the settings of the cloud, otherwise that of the catalogue with their interface and region. @param
 * types names of the service in catalogues, the most usual first
 */
export function serviceEndpoint(
  catalogue: readonly Endpoint[],
  access: Pick<Access, 'interface' | 'region' | 'services'>,
  service: ServiceName,
  types: readonly string[],
): URL {
  const own = access.services?.[service] ?? {};
  if (own.endpoint !== undefined) return new URL(own.endpoint);
  const { interface: face = access.interface, region = access.region, name } = own;
  const faults: unknown[] = [];
  for (const type of own.type === undefined ? types : [own.type]) {
    try {
      return endpointOf(catalogue, { type, name, interface: face, region });
    } catch (error) {
      faults.push(error);
    }
  }
  throw faults[0];
}

/** Throws `CloudError` of kind `refused` that lists the endpoints of the catalogue. */
export function endpointOf(catalogue: readonly Endpoint[], wanted: Wanted): URL {
  const ofType = catalogue.filter(
    (each) =>
      each.type === wanted.type &&
      each.interface === wanted.interface &&
      (wanted.name === undefined || each.name === wanted.name),
  );
  const found = wanted.region === undefined ? ofType : ofType.filter((each) => each.region === wanted.region);
  const regions = new Set(found.map((each) => each.region));
  if (regions.size > 1) {
    // Hosts of two regions may share their names, so the first region must not be used by default.
    const names = [...regions].join(', ');
    throw new CloudError(
      'refused',
      `the catalogue has ${wanted.type} in several regions; set region_name to one of ${names}`,
    );
  }
  const url = found[0]?.url;
  const { region, name } = wanted;
  const what = `${wanted.type}${name === undefined ? '' : `, name ${name}`}, interface ${wanted.interface}${region === undefined ? '' : `, region ${region}`}`;
  if (url === undefined) {
    throw new CloudError('refused', `the catalogue has no endpoint for ${what}; it has ${listed(catalogue)}`);
  }
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new CloudError('refused', `the catalogue's endpoint for ${what} is not a URL`);
  }
  return new URL(url);
}

function listed(catalogue: readonly Endpoint[]): string {
  if (catalogue.length === 0) return 'none at all: the token has no scope, or its project no services';
  const names = catalogue.map((each) => `${each.type} (${each.interface}${each.region ? `, ${each.region}` : ''})`);
  return [...new Set(names)].join(', ');
}
