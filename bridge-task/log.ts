type Level = "debug" | "info" | "warn" | "error";
export type Fields = Record<string, unknown>;

/**
 * One structured line per event. `event` is a stable snake_case word; everything else is a field.
 * What people said goes only under keys that begin with `pii.` and is dropped unless `includeSpeech` is on.
 */
export interface Logger {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** A logger that adds these fields to each line. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  write?: (line: string) => void;
  level?: Level;
  includeSpeech?: boolean;
  fields?: Fields;
}

const order: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

const plain = (value: unknown): unknown =>
  value instanceof Error
    ? {
        name: value.name,
        message: value.message,
        ...("code" in value ? { code: value.code } : {}),
        ...(value.cause === undefined ? {} : { cause: plain(value.cause) }),
      }
    : value;

export const createLogger = (options: LoggerOptions = {}): Logger => {
  const { write = (line) => process.stdout.write(`${line}\n`), level = "info", includeSpeech = false } = options;
  const base = options.fields ?? {};
  const line = (at: Level, event: string, fields: Fields = {}) => {
    if (order[at] < order[level]) return;
    const kept = Object.entries({ ...base, ...fields })
      .filter(([key]) => includeSpeech || !key.startsWith("pii."))
      .map(([key, value]) => [key, plain(value)]);
    write(JSON.stringify({ time: new Date().toISOString(), level: at, event, ...Object.fromEntries(kept) }));
  };
  return {
    debug: (event, fields) => line("debug", event, fields),
    info: (event, fields) => line("info", event, fields),
    warn: (event, fields) => line("warn", event, fields),
    error: (event, fields) => line("error", event, fields),
    with: (fields) => createLogger({ ...options, fields: { ...base, ...fields } }),
  };
};

export const silentLogger: Logger = createLogger({ write: () => {} });
