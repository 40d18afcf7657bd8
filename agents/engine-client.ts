/** Commands ask the engine; what goes wrong becomes their exit code. */
import { NoEngine, RpcClient, type RpcClientOptions } from '#protocol/client.ts';
import { isNotInCharge, RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

/** Runs `work` with a connection to the engine. Throws `CommandFailure`. */
export async function withEngine<T>(
  socket: string,
  work: (client: RpcClient) => Promise<T>,
  options: RpcClientOptions = {},
): Promise<T> {
  try {
    using client = await RpcClient.connect(socket, options);
    return await work(client);
  } catch (error) {
    if (error instanceof NoEngine) throw new CommandFailure(EXIT.noEngine, error.message, error);
    if (error instanceof RpcError) {
      if (isNotInCharge(error)) throw new CommandFailure(EXIT.noEngine, error.message, error);
      const isUsage = error.code === RPC_ERRORS.invalidParams || error.code === RPC_ERRORS.invalidRequest;
      throw new CommandFailure(isUsage ? EXIT.usage : EXIT.failed, error.message, error);
    }
    throw error;
  }
}
