/** The parts of the executable: its assets, and how a part becomes a module. */
import { createRequire } from 'node:module';
import vm from 'node:vm';

/**
 * Runs a part. Its V8 code cache was made by the build, so nothing of it is compiled again. A cache that V8 rejects costs only
 * time.
 */
export function loadPart(name: string): Record<string, unknown> {
  const sea = process.getBuiltinModule('node:sea');
  const script = new vm.Script(sea.getAsset(`${name}.js`, 'latin1'), {
    filename: `recovery-agent/${name}.js`,
    cachedData: Buffer.from(sea.getRawAsset(`${name}.cache`)),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  if (script.cachedDataRejected && process.env.RECOVERY_AGENT_DEBUG_PARTS) {
    process.stderr.write(`recovery-agent: the code cache of ${name} was rejected\n`);
  }
  const module = { exports: {} as Record<string, unknown> };
  const wrapped = script.runInThisContext() as (...values: unknown[]) => void;
  wrapped(module.exports, createRequire(process.execPath), module, process.execPath, '/');
  return module.exports;
}
