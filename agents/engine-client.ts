/** Commands send requests to the engine; an error becomes the exit code of the command. */
import type { EngineAddress } from '#protocol/address.ts';
import { NoEngine, RpcClient, type RpcClientOptions } from '#protocol/client.ts';
import { isNotInCharge, RPC_ERRORS, RpcError } from '#protocol/json-rpc.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';
import { localUser } from './local-user.ts';

/** Names the user to the engine, for its audit. An engine of an earlier version does not know the request: it has no audit. */
async function introduce(client: RpcClient): Promise<void> {
  try {
    await client.call('introduce', localUser());
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
  }
}

/** Runs `work` with a connection to the engine. Throws `CommandFailure`. */
export async function withEngine<T>(
  engine: EngineAddress,
  work: (client: RpcClient) => Promise<T>,
  options: RpcClientOptions = {},
): Promise<T> {
  try {
    using client = await RpcClient.connect(engine, options);
    // The engine records no user that another node claims.
    if (engine.kind === 'unix') await introduce(client);
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
