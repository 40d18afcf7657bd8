import { expect, test } from 'vitest';
import type { Monitor, MonitorContext } from './monitor.ts';
import { MonitorService, type MonitorState, type ServiceOptions } from './service.ts';

const monitorOf = (given: Partial<Monitor>): Monitor => ({
  name: 'host',
  blindAfterMs: 60_000,
  run: ({ signal }) => ended(signal),
  poll: async () => [],
  recheck: async () => 'unknown',
  reload: async () => {},
  ...given,
});

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function serviceOf(monitors: readonly Monitor[], given: Partial<ServiceOptions> = {}): MonitorService {
  return new MonitorService({
    monitors,
    node: 'compute-1',
    log: () => {},
    report: async () => {},
    queryInstance: async () => undefined,
    onState: () => {},
    ...given,
  });
}

test('every monitor runs until the service is stopped', async () => {
  const running: string[] = [];
  const watch = (name: Monitor['name']): Monitor =>
    monitorOf({
      name,
      run: async ({ signal, node }) => {
        running.push(`${name} on ${node}`);
        await ended(signal);
        running.push(`${name} ended`);
      },
    });
  const service = serviceOf([watch('host'), watch('process')]);
  const run = service.run();
  expect(running).toEqual(['host on compute-1', 'process on compute-1']);
  service.stop();
  await run;
  expect(running).toEqual(['host on compute-1', 'process on compute-1', 'host ended', 'process ended']);
});

test('a monitor that fails is restarted, and the others are not affected', async () => {
  const reported: string[] = [];
  let begins = 0;
  const second = Promise.withResolvers<void>();
  const failing = monitorOf({
    name: 'process',
    run: async ({ signal }) => {
      begins += 1;
      if (begins === 1) throw new Error('the list cannot be read');
      second.resolve();
      await ended(signal);
    },
  });
  let otherBegins = 0;
  const other = monitorOf({
    run: async ({ signal }) => {
      otherBegins += 1;
      await ended(signal);
    },
  });
  const log: ServiceOptions['log'] = (level, message, fields) =>
    reported.push(`${level} ${message}: ${fields?.reason}`);
  const service = serviceOf([failing, other], { log });
  const run = service.run();
  await second.promise;
  service.stop();
  await run;
  expect({ begins, otherBegins }).toEqual({ begins: 2, otherBegins: 1 });
  expect(reported).toContain('error monitor failed and is restarted: the list cannot be read');
});

test('a blind monitor and its recovery are reported with the reason', async () => {
  const received: (readonly MonitorState[])[] = [];
  const blind = Promise.withResolvers<void>();
  const seeing = Promise.withResolvers<void>();
  let context: MonitorContext | undefined;
  const monitor = monitorOf({
    name: 'instance',
    blindAfterMs: 100,
    run: async (given) => {
      context = given;
      given.blind('libvirtd does not respond');
      await ended(given.signal);
    },
  });
  const onState: ServiceOptions['onState'] = (states) => {
    received.push(states);
    (received.length === 1 ? blind : seeing).resolve();
  };
  const service = serviceOf([monitor], { onState });
  const run = service.run();
  await blind.promise;
  context?.seen();
  await seeing.promise;
  service.stop();
  await run;
  expect(received).toEqual([
    [{ monitor: 'instance', state: 'blind', reason: 'libvirtd does not respond', blindMs: expect.any(Number) }],
    [{ monitor: 'instance', state: 'seeing', reason: null, blindMs: expect.any(Number) }],
  ]);
});
