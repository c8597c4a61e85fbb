/** A line of a log group. */
export interface LogLine {
  /** Which process wrote it: "bridge", "webhook", … */
  source: string;
  /** When, Unix epoch in milliseconds. */
  atMs: number;
  /** As it was written. */
  text: string;
}

type Fields = Record<string, unknown>;

const objectOf = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined; // What a runtime writes by itself is plain text.
  }
};

/** Our fields of a line. Lambda's JSON format may have put them under `message`, as an object or as text. */
export const fieldsOf = (text: string): Fields | undefined => {
  const line = objectOf(text);
  if (line === undefined || "event" in line) return line;
  const { message } = line;
  if (typeof message === "string") return objectOf(message) ?? line;
  return typeof message === "object" && message !== null ? (message as Fields) : line;
};

/** Whether a line is of this call. */
export const isOfCall = (text: string, cid: string): boolean => {
  const fields = fieldsOf(text);
  return fields !== undefined && (fields.call === cid || fields.callCid === cid);
};

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(value);
};

/** Said already, by the columns or by what was asked for. */
const leftOut = new Set(["time", "level", "event", "call", "callCid"]);

/** One line for people: when (UTC), who, how bad, what, and the rest as name=value. */
export const readableLine = ({ source, atMs, text }: LogLine): string => {
  const at = new Date(atMs).toISOString().replace("T", " ").slice(0, -1);
  const fields = fieldsOf(text);
  if (fields?.event === undefined) return `${at}  ${source.padEnd(12)}  ${text.trimEnd()}`;
  const rest = Object.entries(fields)
    .filter(([name, value]) => !leftOut.has(name) && value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`);
  const { level = "", event } = fields;
  return [at, source.padEnd(12), String(level).padEnd(5), String(event), ...rest].join("  ");
};
