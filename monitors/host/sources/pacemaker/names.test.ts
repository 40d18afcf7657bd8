import { describe, expect, test } from 'vitest';
import { DEFAULT_OPTIONS } from '#config/options/options.ts';
import type { ClusterView, NodeView } from './crm-mon.ts';
import { ambiguousHosts, computeNodes, hostOf, type NameOptions } from './names.ts';

const options = (more: Partial<NameOptions> = {}): NameOptions => ({ ...DEFAULT_OPTIONS.hostMonitor, ...more });
const node = (name: string, isRemote: boolean): NodeView => ({
  name,
  isRemote,
  isGuest: false,
  isOnline: true,
  isStandby: false,
  isInMaintenance: false,
  isPending: false,
  isUnclean: false,
  isShuttingDown: false,
});
const cluster = (members: string, remotes: string, guests = ''): ClusterView => ({
  hasQuorum: true,
  hasCoordinator: true,
  history: 'readable',
  isInMaintenance: false,
  nodes: [
    ...members.split(' ').map((name) => node(name, false)),
    ...`${remotes} ${guests}`.split(' ').flatMap((name) => (name === '' ? [] : [node(name, true)])),
  ],
  connections: new Map(remotes.split(' ').map((name) => [name, { isStarted: true, isDisabled: false }])),
  fencing: [],
});

describe('compute hosts are', () => {
  const mixed = cluster('n1 n2', 'c1 c2', 'galera-bundle-0');
  const small = cluster('n1 n2', '');
  test.each<[string, ClusterView, Partial<NameOptions>, string]>([
    ['the remote nodes, without guest nodes and bundles', mixed, {}, 'c1 c2'],
    ['the cluster nodes where there are no others', small, {}, 'n1 n2'],
    ['none where only remote nodes count and there are none', small, { restrictToRemotes: true }, ''],
    ['none of type remote where there are none', small, { pacemakerNodeType: 'remote' }, ''],
    ['the cluster nodes, if the option selects them', mixed, { pacemakerNodeType: 'cluster' }, 'n1 n2'],
    ['those of the list, of both kinds', mixed, { computeHosts: ['n2', 'c1', 'x'] }, 'c1 n2'],
  ])('%s', (_, view, more, expected) => {
    const names = computeNodes(view, options(more)).map(({ name }) => name);
    expect(names.sort().join(' ')).toBe(expected);
  });
});

test.each<[string, Partial<NameOptions>, string]>([
  ['nova-1.example', {}, 'nova-1.example'],
  ['nova-1.example', { hostNameForm: 'short' }, 'nova-1'],
  ['nova-1', { hostNameForm: 'full', hostNameDomain: 'example.org' }, 'nova-1.example.org'],
  ['nova-1.example', { hostNameForm: 'full', hostNameDomain: 'example.org' }, 'nova-1.example'],
  ['nova-1', { hostNames: { 'nova-1': 'other' }, hostNameForm: 'full', hostNameDomain: 'example.org' }, 'other'],
  ['constructor', { hostNames: { 'nova-1': 'other' } }, 'constructor'],
])('node %s with %j is host %s', (name, more, expected) => {
  expect(hostOf(name, options(more))).toBe(expected);
});

test('two nodes with one host name are reported', () => {
  const nodes = [node('a.x', true), node('a.y', true), node('b.x', true)];
  expect([...ambiguousHosts(nodes, options({ hostNameForm: 'short' }))]).toEqual(['a']);
});
