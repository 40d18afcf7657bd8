/** Selects the version of Nova's API. Pure. */
import * as v from 'valibot';
import { CloudError } from '#openstack/cloud-error.ts';

/** The minor number of a 2.x microversion; the major one has been 2 since there are microversions. */
export type Microversion = number;

/** 2.53 names services by UUID and changes them in one call. */
export const LOWEST: Microversion = 53;
/** The newest version whose responses this client knows. */
export const HIGHEST: Microversion = 93;
/** From 2.56 a cold migration can be requested with its destination host. */
export const COLD_MIGRATION_HOSTS: Microversion = 56;
/** From 2.59 migrations have a uuid, pages and `changes-since`. */
export const MIGRATION_UUIDS: Microversion = 59;
/** From 2.69 objects in a cell that is down are listed with the data of the API database. */
export const DOWN_CELLS: Microversion = 69;
/**
 * From 2.95 an evacuated instance always arrives SHUTOFF; below, Nova itself keeps an active one active. So an evacuation never requests
 * 2.95 or later (nova spec `allowing-target-state-for-evacuate`).
 */
export const EVACUATION_STOPS: Microversion = 95;

const Entry = v.object({
  id: v.string(),
  version: v.optional(v.string(), ''),
  min_version: v.optional(v.string(), ''),
});
export const VersionDocument = v.union([v.object({ version: Entry }), v.object({ versions: v.array(Entry) })]);

/**
 * The root of the 2.1 API for an endpoint such as `…/v2.1`, `…/v2.1/<project>`, `…/v2/<project>` or one without a
 * version. Paths of requests are appended to it; the project need not be part of them.
 */
export function apiRoot(endpoint: URL): string {
  const path = endpoint.pathname.replace(/\/v2(?:\.\d+)?(?:\/.*)?$/, '').replace(/\/+$/, '');
  return `${endpoint.origin}${path}/v2.1`;
}

/**
 * The highest version that both sides know; throws `CloudError` of kind `refused` if that is too low, or if the document is not that of
 * Nova's API 2.1. @param limit the highest one that the settings of the cloud allow, from LOWEST on
 */
export function negotiated(
  document: v.InferOutput<typeof VersionDocument>,
  root: string,
  limit: Microversion = HIGHEST,
): Microversion {
  const entries = 'version' in document ? [document.version] : document.versions;
  const entry = entries.find(({ id }) => id === 'v2.1');
  const needed = `2.${LOWEST} to 2.${HIGHEST}`;
  if (entry === undefined) {
    const ids = entries.map(({ id }) => (/^[\w.-]{1,20}$/.test(id) ? id : '…')).slice(0, 10);
    const found = ids.length === 0 ? 'no version at all' : `${ids.join(', ')} and not v2.1`;
    const cure = 'is the endpoint in the catalogue that of Nova?';
    throw new CloudError('refused', `GET ${root}/ lists ${found}; one of ${needed} is needed; ${cure}`);
  }
  const highest = minor(entry.version);
  const lowest = minor(entry.min_version) ?? 1;
  if (highest === undefined) {
    throw new CloudError('refused', `Nova at ${root} has no microversions; one of ${needed} is needed (Pike or later)`);
  }
  if (highest < LOWEST || lowest > HIGHEST) {
    const range = `2.${lowest} to 2.${highest}`;
    throw new CloudError('refused', `Nova at ${root} speaks ${range}; one of ${needed} is needed`);
  }
  if (lowest > limit) {
    const cure = 'raise compute_default_microversion';
    throw new CloudError('refused', `Nova at ${root} speaks 2.${lowest} to 2.${highest}, not 2.${limit}; ${cure}`);
  }
  return Math.min(highest, HIGHEST, limit);
}

/** Undefined where it is none of API 2.1. */
export function minor(text: string | undefined): Microversion | undefined {
  const digits = /^2\.(\d{1,4})$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
