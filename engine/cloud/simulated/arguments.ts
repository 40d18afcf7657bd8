/** The arguments of a call of the simulated cloud, in process or over a socket. */

export type Arguments = Readonly<Record<string, unknown>>;
