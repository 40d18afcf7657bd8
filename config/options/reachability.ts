/** Options of confirm_instances_reachable_task, section reachability: how an instance shows that it can be reached. */
import { BlockList, isIP } from 'node:net';
import { choice, count, listItems, NAME, type OptionSpec, seconds, seenByTasks, shown, text } from './kinds.ts';

const DAY = 86_400;

/** Networks in CIDR notation. */
function networkList(name: string, help: string): OptionSpec<readonly string[]> {
  const takes = 'networks in CIDR notation, for example 203.0.113.0/24, 2001:db8::/64';
  return {
    name,
    fallback: [],
    written: '',
    takes,
    help,
    secret: false,
    parse(value) {
      const items = listItems(value);
      const wrong = items.find((item) => !isNetwork(item.text));
      if (wrong === undefined) return { value: items.map((item) => item.text) };
      return { fault: `takes ${takes}, not ${shown(wrong.text)}`, offset: wrong.offset };
    },
  };
}

function isNetwork(written: string): boolean {
  const [address = '', bits = '', ...rest] = written.split('/');
  const family = isIP(address);
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Whether an address is in one of the networks. @param networks as the option takes them */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    list.addSubnet(base, Number(bits), isIP(base) === 4 ? 'ipv4' : 'ipv6');
  }
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

export const reachability = {
  networks: seenByTasks(
    'reachableNetworks',
    networkList(
      'networks',
      'Networks whose addresses of instances are tried. Tenants choose other addresses, so nothing outside of these is contacted.',
    ),
  ),
  probe: seenByTasks(
    'reachableProbe',
    choice(
      'probe',
      'tcp',
      ['tcp', 'http'],
      'With tcp a connection must be accepted, with http a response below status 500 must arrive.',
    ),
  ),
  port: seenByTasks('reachablePort', count('port', 22, [1, 65_535], 'The port of an instance that is tried.')),
  path: seenByTasks(
    'reachablePath',
    text('path', '/', { takes: 'a path that begins with /', pattern: /^\/[!-~]{0,1000}$/ }, 'The path for http.'),
  ),
  timeoutMs: seenByTasks(
    'reachableTimeoutMs',
    seconds('timeout', 300, [1, DAY], 'Upper bound of the wait until all instances can be reached.'),
  ),
  metadataKey: seenByTasks(
    'reachableKey',
    text('metadata_key', 'ha_reachable', NAME, 'An instance whose value of this metadata key is false is not tried.'),
  ),
};
