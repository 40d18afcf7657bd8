/** What the engine says to the log: one line an event, `key=value`, so that an operator can grep. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;
