import { describe, expect, it } from 'vitest';
import { cloneFault, resourceName } from './resource.ts';

describe('the name of the resource', () => {
  it.each([
    ['recovery', 'recovery'],
    ['recovery:1', 'recovery'],
    ['', undefined],
    [undefined, undefined],
  ])('of %j is %j', (instance, name) => {
    expect(resourceName({ OCF_RESOURCE_INSTANCE: instance })).toBe(name);
  });
});

describe('a clone', () => {
  it.each([
    ['OCF_RESKEY_CRM_meta_clone', '0', /is a clone/],
    ['OCF_RESKEY_CRM_meta_clone_max', '3', /is a clone/],
    ['OCF_RESKEY_CRM_meta_promoted_max', '1', /is a promotable clone/],
    ['OCF_RESKEY_CRM_meta_master_max', '1', /is a promotable clone/],
    ['OCF_RESKEY_CRM_meta_promotable', 'true', /is a promotable clone/],
  ])('is known by %s', (name, value, fault) => {
    expect(cloneFault({ [name]: value })).toMatch(fault);
  });

  it('is not what a plain resource or one in a group is', () => {
    expect(
      cloneFault({ OCF_RESKEY_CRM_meta_timeout: '20000', OCF_RESKEY_CRM_meta_promotable: 'false' }),
    ).toBeUndefined();
  });
});
