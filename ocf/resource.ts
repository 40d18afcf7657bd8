/** The resource of the cluster to which an action belongs. */
import type { Action } from './action.ts';
import type { Parameters } from './parameters.ts';

export interface Resource {
  /** The resource's id in the cluster; undefined where the caller did not set it. */
  readonly name: string | undefined;
  readonly parameters: Parameters;
}

/** The id of a clone's instance is that of the resource followed by a number. */
export function resourceName(environment: Action['environment']): string | undefined {
  return environment.OCF_RESOURCE_INSTANCE?.replace(/:\d+$/, '') || undefined;
}

/** Options that Pacemaker hands to the instances of clones only, and of promotable ones (2.0 and 2.1, 3.0). */
const CLONE = ['clone', 'clone_max', 'clone_node_max'];
const PROMOTABLE = ['promotable', 'master_max', 'master_node_max', 'promoted_max', 'promoted_node_max'];

function isSet(environment: Action['environment'], option: string): boolean {
  const value = environment[`OCF_RESKEY_CRM_meta_${option}`];
  return value !== undefined && value !== '' && value !== 'false';
}

/** The fault in how the cluster runs the resource; undefined if it is a plain one. */
export function cloneFault(environment: Action['environment']): string | undefined {
  const advice = 'one journal has one engine, so remove the clone from the resource';
  if (PROMOTABLE.some((option) => isSet(environment, option)))
    return `the resource is a promotable clone, and cannot be one: ${advice}`;
  if (CLONE.some((option) => isSet(environment, option)))
    return `the resource is a clone, and cannot be one: ${advice}`;
  return undefined;
}
