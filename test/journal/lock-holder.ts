/** Child process: `lock-holder.ts PATH` locks the file for all other processes, prints `locked`, and unlocks at a line on stdin. */
import { once } from 'node:events';
import Database from 'better-sqlite3';

const db = new Database(process.argv[2]);
db.exec('BEGIN EXCLUSIVE');
console.log('locked');
await once(process.stdin, 'data');
db.exec('ROLLBACK');
db.close();
process.exit();
