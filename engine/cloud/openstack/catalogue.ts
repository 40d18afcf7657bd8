/** Where a service answers, out of the catalogue that comes with a token. Pure. */

import type { Interface } from '#config/clouds.ts';
import { CloudError } from '../cloud.ts';

export interface Endpoint {
  readonly type: string;
  readonly interface: string;
  readonly region: string | undefined;
  readonly url: string;
}

export interface Wanted {
  readonly type: string;
  readonly interface: Interface;
  readonly region: string | undefined;
}

/** Throws `CloudError` of kind `refused` that lists what there is. */
export function endpointOf(catalogue: readonly Endpoint[], wanted: Wanted): URL {
  const ofType = catalogue.filter((each) => each.type === wanted.type && each.interface === wanted.interface);
  const found = wanted.region === undefined ? ofType : ofType.filter((each) => each.region === wanted.region);
  const regions = new Set(found.map((each) => each.region));
  if (regions.size > 1) {
    // Hosts of two regions may share their names, so the first of them will not do.
    const names = [...regions].join(', ');
    throw new CloudError(
      'refused',
      `the catalogue has ${wanted.type} in several regions; set region_name to one of ${names}`,
    );
  }
  const url = found[0]?.url;
  const { region } = wanted;
  const what = `${wanted.type}, interface ${wanted.interface}${region === undefined ? '' : `, region ${region}`}`;
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
