// Runs a part as the executable does and keeps what V8 compiled: node --predictable code-cache.cjs SOURCE CACHE
const { readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const vm = require('node:vm');

const [, , source, cache] = process.argv;
const script = new vm.Script(readFileSync(source, 'latin1'), {
  filename: `recovery-agent/${source.slice(source.lastIndexOf('/') + 1)}`,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, createRequire(process.execPath), module_, process.execPath, '/');
writeFileSync(cache, script.createCachedData());
process.exit(0);
