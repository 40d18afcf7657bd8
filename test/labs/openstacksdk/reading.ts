/** The result of a scene, in the form that both readers return. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Credentials, CredentialsError, loadCredentials, type ServiceName } from '#config/clouds/clouds.ts';
import { proxyFor } from '#config/clouds/proxy.ts';
import { tokenRequest } from '#openstack/keystone/token.ts';
import type { Placed } from './scene.ts';

const SERVICES: readonly ServiceName[] = ['compute', 'identity', 'workflow', 'instance-ha'];
const READER = fileURLToPath(new URL('read_scenes.py', import.meta.url));

export type Reading =
  | { readonly read: unknown; readonly error?: undefined }
  | { readonly read?: undefined; readonly error: string };

/** Of all scenes, by one process of the real library. */
export async function readByLibrary(scenes: readonly Placed[]): Promise<readonly Reading[]> {
  const child = spawn('/usr/bin/python3', [READER], { stdio: ['pipe', 'pipe', 'inherit'], env: { LC_ALL: 'C.UTF-8' } });
  const output = text(child.stdout);
  child.stdin.end(scenes.map((scene) => `${JSON.stringify(scene)}\n`).join(''));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${READER} ended with ${code}`);
  const lines = (await output).trimEnd().split('\n');
  return lines.map((line) => {
    const reading = JSON.parse(line);
    return reading.read === undefined ? reading : { read: { ...reading.read, ...normal(reading.read) } };
  });
}

/** The differences that are documented: the domain `default` where none is named, and which API a version of 2.1 means. */
function normal(read: {
  token: { identity: Record<string, unknown>; scope?: { project?: unknown } } | null;
  proxy: string | null;
  services: Record<string, { type: string; microversion: string | null }>;
}): object {
  const { identity = {}, scope } = read.token ?? {};
  const named: object[] = [];
  for (const method of Object.values(identity)) {
    if (isObject(method) && isObject(method.user)) named.push(method.user);
  }
  if (isObject(scope?.project)) named.push(scope.project);
  for (const each of named)
    if ('name' in each && !('domain' in each)) Object.assign(each, { domain: { id: 'default' } });
  const services = Object.fromEntries(
    Object.entries(read.services).map(([name, { type, microversion, ...rest }]) => [
      name,
      { ...rest, type: type === name ? null : type, microversion: microversion === '2.1' ? null : microversion },
    ]),
  );
  const { proxy } = read;
  return { services, proxy: proxy === null ? null : new URL(proxy.includes('://') ? proxy : `http://${proxy}`).href };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** By us. Throws what is no `CredentialsError`. */
export function readByUs({ root, ...search }: Placed): Reading {
  process.env.RECOVERY_AGENT_ROOT = root;
  try {
    return { read: form(loadCredentials(search)) };
  } catch (error) {
    if (error instanceof CredentialsError) return { error: error.message };
    throw error;
  }
}

function form(credentials: Credentials): object {
  const { authUrl, region, verify, caFile, certFile, keyFile, family, timeoutMs, proxies } = credentials;
  const common = credentials.interface;
  return {
    authUrl,
    token: tokenAsRequested(credentials),
    region: region ?? null,
    interface: common,
    verify: verify === 'nothing' ? false : (caFile ?? true),
    cert: certFile ?? null,
    key: keyFile ?? null,
    ipv4: family === 4,
    timeout: timeoutMs === undefined ? null : timeoutMs / 1000,
    proxy: proxyFor(new URL(authUrl), proxies)?.url.href ?? null,
    services: Object.fromEntries(SERVICES.map((name) => [name, serviceForm(credentials, name)])),
  };
}

function serviceForm(
  { services = {}, region, interface: common, computeMicroversion }: Credentials,
  name: ServiceName,
) {
  const own = services[name] ?? {};
  return {
    endpoint: own.endpoint ?? null,
    interface: own.interface ?? common,
    region: own.region ?? region ?? null,
    type: own.type === undefined || own.type === name ? null : own.type,
    name: own.name ?? null,
    microversion: name === 'compute' ? (computeMicroversion ?? null) : null,
  };
}

/** A token without a scope is used as it is here, and exchanged for one without a scope there. */
function tokenAsRequested(credentials: Credentials): unknown {
  const request = tokenRequest(credentials);
  if (request !== undefined && 'auth' in request) return request.auth;
  const id = credentials.method === 'token' ? credentials.token.reveal() : '';
  return { identity: { methods: ['token'], token: { id } } };
}
