import { createServer } from 'node:net';

/** Run inside the lab's network: listens, and hands the listening socket to the program outside. Arguments: address, port. */
const [address, port] = process.argv.slice(2);
const server = createServer({ pauseOnConnect: true });
server.listen({ host: address, port: Number(port) }, () => {
  process.send?.('listening', server);
});
process.once('disconnect', () => process.exit());
