/** Enables a reserved host before instances are sent to it. */

import { CloudError } from '#openstack/cloud-error.ts';
import type { Aggregate, ComputeService } from '../cloud/cloud.ts';
import { readService } from '../cloud/reading.ts';
import { TaskFailure } from '../flow/outcome.ts';
import type { TaskContext } from '../flow/task.ts';
import { bringAbout } from './convergence.ts';
import { withOutageRetry } from './outage-retry.ts';

async function addToAggregate(context: TaskContext, aggregate: Aggregate, host: string): Promise<void> {
  const { cloud, signal, settings, globalRequestId } = context;
  const reportMember = (): void =>
    context.progress(`Host '${host}' already has been added to aggregate '${aggregate.name}'.`, 1);
  if (aggregate.hosts.includes(host)) {
    reportMember();
    return;
  }
  context.progress(`Add host ${host} to aggregate ${aggregate.name}`, 0.2);
  await bringAbout<Aggregate | undefined>(context, {
    key: `aggregate:${aggregate.id}:${host}`,
    kind: 'add_to_aggregate',
    object: host,
    read: async () => (await cloud.listAggregates({ signal })).find(({ id }) => id === aggregate.id),
    before: (now) => ({ aggregate: aggregate.id, hosts: now?.hosts ?? [] }),
    decide: (now) => {
      if (!now) throw new TaskFailure(`aggregate '${aggregate.name}' is gone`);
      return now.hosts.includes(host) ? 'done' : 'absent';
    },
    act: (now) => cloud.addHostToAggregate(now ?? aggregate, host, { signal, globalRequestId }),
    onConflict: reportMember,
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova does not show host '${host}' in aggregate '${aggregate.name}'`),
  });
  context.progress(`Added host ${host} to aggregate ${aggregate.name}`, 0.3);
}

/**
 * A host whose service Nova does not show is not waited for: there may be another reserved host.
 * @throws TaskFailure of fault `outage`, since the service may only be temporarily missing
 */
async function reservedService({ cloud, signal }: TaskContext, host: string): Promise<ComputeService> {
  const reading = await readService(cloud, host, { signal });
  if (reading.answer === 'yes') return reading.value;
  if (reading.answer === 'none' && reading.error.kind !== 'no_answer') throw reading.error;
  const reason = reading.answer === 'none' ? reading.error.message : 'Nova has no such host';
  throw new TaskFailure(`reserved host '${host}' cannot be used: ${reason}`, 'outage');
}

export async function enableReservedHost(context: TaskContext, failedHost: string, host: string): Promise<void> {
  const { cloud, signal, settings, globalRequestId } = context;
  context.progress(`Enabling reserved host: '${host}'`, 0.1);
  if (settings.addReservedHostToAggregate) {
    const aggregates = await withOutageRetry(context, () => cloud.listAggregates({ signal }));
    for (const aggregate of aggregates.filter(({ hosts }) => hosts.includes(failedHost))) {
      await addToAggregate(context, aggregate, host);
    }
  }
  await bringAbout<ComputeService>(context, {
    key: `enable:${host}`,
    kind: 'enable_service',
    object: host,
    read: () => reservedService(context, host),
    before: ({ status, state, forcedDown, disabledReason }) => ({ status, state, forcedDown, disabledReason }),
    decide: ({ status, state, forcedDown }) => {
      if (forcedDown || state === 'down') {
        throw new TaskFailure(`reserved host '${host}' cannot be used: its compute service is down`);
      }
      return status === 'enabled' ? 'done' : 'absent';
    },
    act: (service) => cloud.changeService(service, { status: 'enabled' }, { signal, globalRequestId }),
    waitMs: settings.waitPeriodAfterServiceUpdateMs,
    late: () => new TaskFailure(`Nova does not show the compute service of reserved host '${host}' as enabled`),
  }).catch((error: unknown) => {
    if (error instanceof CloudError) throw new TaskFailure(error.message, 'work', error);
    throw error;
  });
  await context.spendReservedHost(host);
}
