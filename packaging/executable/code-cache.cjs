// Runs a part as the executable does and keeps what V8 compiled: node --predictable code-cache.cjs SOURCE CACHE
const { readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const vm = require('node:vm');

const [, , source, cache] = process.argv;
const script = new vm.Script(readFileSync(source, 'latin1'), {
  filename: `recovery-agent/${source}`,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const part = { exports: {} };
script.runInThisContext()(part.exports, createRequire(process.execPath), part, process.execPath, '/');

// What only reads is run once, where nothing is to be read, so that the functions on its way are in the cache too.
const READING = ['status', 'list', 'show'];
const name = source.replace(/\.js$/, '');
const nowhere = { socket: '/nonexistent/engine.sock', journal: '/nonexistent/journal.db' };
const line = {
  positionals: name === 'show' ? ['00000000-0000-4000-8000-000000000000'] : [],
  text: (option) => nowhere[option],
  has: () => false,
};
const warm = READING.includes(name) ? part.exports[name].run(line) : Promise.resolve();
warm
  .catch(() => {})
  .then(() => {
    writeFileSync(cache, script.createCachedData());
    process.exit(0);
  });
