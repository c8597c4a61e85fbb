import { InvalidInputError, messageOf } from "../../errors.ts";

const isCarried = (value: unknown): boolean =>
  value === null ||
  typeof value === "string" ||
  typeof value === "boolean" ||
  typeof value === "object" ||
  (typeof value === "number" && Number.isFinite(value));

/**
 * A copy of what JSON can carry of a value. The paths of what it cannot (NaN, a bigint, a function, a circle) go to `lost`;
 * undefined is left out of objects without a word, as JSON does. Throws InvalidInputError where the value cannot be read.
 */
export const jsonCopy = (value: unknown, path: string, lost: string[]): unknown => {
  try {
    return copy(value, path, lost, []);
  } catch (cause) {
    throw new InvalidInputError(`${path || "The value"} cannot be read: ${messageOf(cause)}`, { cause });
  }
};

const copy = (value: unknown, path: string, lost: string[], above: readonly object[]): unknown => {
  if (value === undefined) return undefined;
  if (!isCarried(value) || above.includes(value as object)) {
    lost.push(path);
    return undefined;
  }
  if (typeof value !== "object" || value === null) return value === 0 ? 0 : value; // There is no -0 in JSON.
  if (hasToJson(value)) return copy(value.toJSON(), path, lost, [...above, value]);
  const inside = [...above, value];
  // An entry of a list that was lost is gone: its place must not become null.
  if (Array.isArray(value)) {
    return value
      .map((entry, index) => copy(entry, `${path}[${index}]`, lost, inside))
      .filter((entry) => entry !== undefined);
  }
  const at = path === "" ? "" : `${path}.`;
  const entries = Object.entries(value).map(([key, below]) => [key, copy(below, at + key, lost, inside)] as const);
  return Object.fromEntries(entries.filter(([, below]) => below !== undefined));
};

const hasToJson = (value: object): value is { toJSON: () => unknown } =>
  "toJSON" in value && typeof value.toJSON === "function";

/** Anything as JSON text; what is no value at all is `null`. Throws InvalidInputError where JSON cannot carry it. */
export const jsonTextOf = (value: unknown, what: string): string => {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (cause) {
    throw new InvalidInputError(`${what} cannot be written as JSON: ${messageOf(cause)}`, { cause });
  }
};
