/** The migrations of all types away from a host. */

import type { Deadline } from '#openstack/http/deadline.ts';
import type { Listing } from '../cloud.ts';
import { allPages, hasNext, wholeSeconds } from './listing.ts';
import { MIGRATION_UUIDS } from './microversion.ts';
import { keyOf, type Migration, MigrationsAnswer, migrationsFrom, type Received } from './migration-records.ts';
import type { Compute } from './requests.ts';

export interface MigrationFilter {
  readonly sourceHost: string;
  readonly type?: 'evacuation';
  readonly changedSince?: Date | undefined;
}

export async function migrationsOf(
  compute: Compute,
  { sourceHost, type, changedSince }: MigrationFilter,
  pageSize: number | undefined,
  deadline: Deadline,
): Promise<Listing<Migration>> {
  const path = '/os-migrations';
  const isPaged = (await compute.version(deadline)) >= MIGRATION_UUIDS;
  const newer = isPaged
    ? { limit: pageSize?.toString(), 'changes-since': changedSince && wholeSeconds(changedSince) }
    : {};
  const query = { migration_type: type, source_compute: sourceHost, ...newer };
  const { items, ...listing } = await allPages<Received & { readonly key: string }>({
    of: 'migrations',
    path,
    key: ({ key }) => key,
    read: async (marker) => {
      const { value, at, start } = await compute.get(MigrationsAnswer, path, { ...query, marker }, deadline);
      const { migrations, migrations_links } = value;
      const items = migrations.map((record, index) => ({ key: keyOf(record), record, start, index }));
      const more = isPaged && (hasNext(migrations_links) || migrations.length === pageSize);
      return { at, value: { items, more } };
    },
  });
  return { ...listing, items: items.flatMap((each) => migrationsFrom(sourceHost, each)) };
}
