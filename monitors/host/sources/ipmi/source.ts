/** Reads the power state of hosts over IPMI with ipmitool. ipmitool.ts decodes its output. */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { readSecret } from '#config/document/secret-file.ts';
import type { EngineOptions } from '#config/options/options.ts';
import { faultOfFile, inspect } from '#protocol/trusted-path.ts';
import type { IpmiBmc } from '../bmc-options.ts';
import { passwordOf } from '../bmc-password.ts';
import { type InventoryHost, requireInventory } from '../inventory.ts';
import { powerOfAll } from '../power.ts';
import type { Source, SourceKind } from '../source.ts';
import { argumentsOf, environmentOf, hintOf, kgKeyOf, powerIn, reasonOf } from './ipmitool.ts';

const MAX_OUTPUT_BYTES = 64 * 1024;

interface IpmiHost {
  readonly name: string;
  readonly bmc: IpmiBmc;
}

export const ipmi: SourceKind<'hostSources'> = { name: 'ipmi', groups: ['hostSources'], create: createIpmiSource };

export async function createIpmiSource(options: Pick<EngineOptions, 'hostSources'>, node: string): Promise<Source> {
  const settings = options.hostSources;
  const hosts = requireInventory(settings.inventory, 'ipmi').filter(hasIpmi);
  if (hosts.length === 0) throw new Error(`${settings.inventory} has no host with a bmc of type ipmi`);
  const others = hosts.filter(({ name }) => name !== node);
  return {
    name: 'ipmi',
    poll: (signal) =>
      powerOfAll('ipmi', others, settings.bmcsParallel, ({ bmc }) => readWithRetries(settings, bmc, signal), signal),
  };
}

function hasIpmi(host: InventoryHost): host is InventoryHost & IpmiHost {
  return host.bmc?.type === 'ipmi';
}

type Settings = EngineOptions['hostSources'];

async function readWithRetries(settings: Settings, bmc: IpmiBmc, signal: AbortSignal): Promise<'on' | 'off'> {
  const retries = bmc.retries ?? settings.ipmiRetryMax;
  for (let retry = 0; ; retry += 1) {
    try {
      return await readPower(settings, bmc, signal);
    } catch (error) {
      if (retry >= retries || signal.aborted) throw error;
      await delay(bmc.retry_interval ?? settings.ipmiRetryIntervalMs, undefined, { signal });
    }
  }
}

function readPower({ ipmitool, ipmiTimeoutMs }: Settings, bmc: IpmiBmc, signal: AbortSignal): Promise<'on' | 'off'> {
  // A missing program has its own message below.
  const fault = inspect(ipmitool) === undefined ? undefined : faultOfFile(ipmitool);
  if (fault !== undefined) return Promise.reject(new Error(`[host] ipmitool cannot be used: ${fault}`));
  const timeoutMs = bmc.timeout ?? ipmiTimeoutMs;
  const secrets = { password: passwordOf(bmc), kgKey: kgKeyIn(bmc.kg_key_file) };
  const { promise, resolve, reject } = Promise.withResolvers<'on' | 'off'>();
  const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
  const env = environmentOf(secrets);
  execFile(ipmitool, [...argumentsOf(bmc)], { ...limits, env, signal }, (error, stdout, stderr) => {
    const state = error === null ? powerIn(stdout) : undefined;
    if (state !== undefined) return resolve(state);
    const ended = { ipmitool, timeoutMs, stdout, stderr, secrets, hint: hintOf(bmc) };
    reject(new Error(reasonOf(error ?? undefined, ended)));
  });
  return promise;
}

function kgKeyIn(file: string | undefined): string | undefined {
  return file === undefined ? undefined : kgKeyOf(readSecret(file, 'the Kg key of a BMC'), file);
}
