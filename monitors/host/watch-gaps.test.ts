/** What a watch does while a source is blind, and when hosts are missing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { ExpectedHosts } from './expected-hosts.ts';
import { PACEMAKER_FENCED } from './policy.ts';
import type { Fact, Source } from './sources/source.ts';
import { HostStateFile } from './state-file.ts';
import { Watch } from './watch.ts';

const until = { timeout: 20_000, interval: 5 };

const up = (host: string): Fact => ({ source: 'pacemaker', host, state: 'up', at: Date.now(), detail: 'connected' });
const fenced = (host: string): Fact => {
  return { source: 'pacemaker', host, state: 'down', proof: 'fenced', at: 1_795_248_000_000, detail: 'fenced' };
};

/** A watch on a source whose response a test sets. */
function watch(first: readonly Fact[] | Error, expected: ExpectedHosts = { hosts: new Map() }) {
  const folder = mkdtempSync(join(tmpdir(), 'watch-gaps-'));
  let shows = first;
  let polls = 0;
  const source: Source = {
    name: 'pacemaker',
    async poll() {
      polls += 1;
      if (shows instanceof Error) throw shows;
      return shows;
    },
  };
  const reports: string[] = [];
  const lines: string[] = [];
  const blind: string[] = [];
  const context = {
    log: (level: string, message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      lines.push(`${level}: ${message} ${fields.hosts ?? ''}`.trim()),
    seen: () => undefined,
    blind: (reason: string) => blind.push(reason),
    report: async ({ notification: { hostname, payload } }: NotificationBody) => {
      reports.push(`${hostname} ${(payload as { event: string }).event}`);
    },
  };
  const options = {
    ...DEFAULT_OPTIONS.hostMonitor,
    monitoringIntervalMs: 10,
    suspicionIntervalMs: 10,
    stateFile: join(folder, 'state.json'),
  };
  const setup = { options, policy: PACEMAKER_FENCED, sources: [source], expected };
  const stateFile = HostStateFile.open(options.stateFile, context.log);
  const end = new AbortController();
  const done = new Watch(setup, context, stateFile).run(end.signal);
  onTestFinished(async () => {
    end.abort();
    await done;
    rmSync(folder, { recursive: true });
  });
  return {
    ...{ reports, lines, blind, stateFile: stateFile },
    /** Resolves after some polls of it. */
    async show(what: readonly Fact[] | Error) {
      shows = what;
      const before = polls;
      await vi.waitFor(() => expect(polls).toBeGreaterThan(before + 3), until);
    },
  };
}

test('a blind source keeps a known death known, and starts nothing', async () => {
  const { reports, blind, stateFile, show } = watch([fenced('a'), up('b')]);
  await vi.waitFor(() => expect(reports).toEqual(['a STOPPED']), until);
  for (const answer of [new Error('not connected'), [], [fenced('a'), up('b')], new Error('no right')]) {
    await show(answer);
    expect(reports).toEqual(['a STOPPED']);
    expect(stateFile.get('a')).toMatchObject({ said: 'dead', proof: 'fenced' });
  }
  expect([...new Set(blind)]).toEqual([
    'Pacemaker: not connected',
    'Pacemaker: its response has no host',
    'Pacemaker: no right',
  ]);
  await show([up('a'), up('b')]);
  await vi.waitFor(() => expect(reports).toEqual(['a STOPPED', 'a STARTED']), until);
});

test('a host that leaves the list is logged once, and is no death', async () => {
  const { reports, lines, show } = watch([up('a'), up('b'), up('c')]);
  await show([up('a'), up('b'), up('c')]);
  await show([up('a')]);
  await show([up('a')]);
  expect(lines).toEqual(['warning: hosts are no longer watched: no source lists them any more b, c']);
  expect(reports).toEqual([]);
});

test('an expected host that is missing is logged at the start, and again when that changes', async () => {
  const hosts = new Map([
    ['a', 'the inventory'],
    ['b', 'a failover segment'],
  ] as const);
  const { lines, show } = watch([up('a')], { hosts, fault: 'hosts.yaml: no YAML' });
  await show([up('a')]);
  await show(new Error('not connected'));
  await show([up('a'), up('b')]);
  expect(lines.filter((line) => !line.includes('host is'))).toEqual([
    'warning: the inventory cannot be read; its hosts are not expected',
    'warning: expected hosts are not watched b',
    'warning: a source of host states cannot be read',
    'info: all expected hosts are watched',
  ]);
});
