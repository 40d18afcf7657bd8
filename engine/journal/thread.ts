/** First file of the journal's thread: SQLite blocks here, so that a slow disk never blocks the engine's sockets. */
import { parentPort, workerData } from 'node:worker_threads';
import { realClock } from '#protocol/clock.ts';
import { JournalService } from './service.ts';
import type { Request, ThreadData } from './wire.ts';

const port = parentPort;
if (!port) throw new Error('the journal thread is started by journal.ts');

const service = JournalService.open(workerData as ThreadData, realClock, (reply) => port.postMessage(reply));
if (service) port.on('message', (request: Request) => service.receive(request));
else port.close();
