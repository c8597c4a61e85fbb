import { type ApiProblem, problems } from "./errors.ts";
import { isObject } from "./json.ts";

/** Says what is wrong with a value that stands at `path`, or nothing. Checks never change the value. */
export type Check = (value: unknown, path: string) => ApiProblem | undefined;

const article = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
};

const mistyped = (path: string, expected: string, value: unknown) =>
  problems.invalidType(path, expected, article(value));

export const anything: Check = () => undefined;

export const string =
  (maximumLength = Number.POSITIVE_INFINITY): Check =>
  (value, path) => {
    if (typeof value !== "string") return mistyped(path, "a string", value);
    return value.length > maximumLength ? problems.tooLong(path, maximumLength, value.length) : undefined;
  };

/** A string that `check` takes and that has this form. */
export const matching =
  (pattern: RegExp, check: Check): Check =>
  (value, path) =>
    check(value, path) ?? (pattern.test(String(value)) ? undefined : problems.mismatched(path, pattern));

export const base64: Check = (value, path) =>
  string()(value, path) ??
  (String(value).length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(String(value))
    ? undefined
    : problems.undecodableAudio(path));

/** Strings under keys that the client chooses, both of limited length and number. */
export const stringMap =
  (limits: { keys: number; keyLength: number; valueLength: number }): Check =>
  (value, path) => {
    if (!isObject(value)) return mistyped(path, "an object", value);
    const entries = Object.entries(value);
    if (entries.length > limits.keys) return problems.tooManyKeys(path, limits.keys, entries.length);
    for (const [key, entry] of entries) {
      const problem = string(limits.keyLength)(key, path) ?? string(limits.valueLength)(entry, `${path}.${key}`);
      if (problem) return problem;
    }
    return undefined;
  };

export const boolean: Check = (value, path) =>
  typeof value === "boolean" ? undefined : mistyped(path, "a boolean", value);

const within =
  (kind: "integer" | "decimal", minimum: number, maximum: number): Check =>
  (value, path) => {
    if (typeof value !== "number" || (kind === "integer" && !Number.isInteger(value)))
      return mistyped(path, kind === "integer" ? "an integer" : "a decimal", value);
    if (value < minimum) return problems.tooLow(path, kind, minimum, value);
    return value > maximum ? problems.tooHigh(path, kind, maximum, value) : undefined;
  };

export const integer = (minimum: number, maximum = Number.POSITIVE_INFINITY): Check =>
  within("integer", minimum, maximum);

export const decimal = (minimum: number, maximum = Number.POSITIVE_INFINITY): Check =>
  within("decimal", minimum, maximum);

export const oneOf =
  (...values: readonly unknown[]): Check =>
  (value, path) =>
    values.includes(value) ? undefined : problems.invalidValue(path, value, values);

export const nullable =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

export const listOf =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return mistyped(path, "an array", value);
    for (const [index, entry] of value.entries()) {
      const problem = check(entry, `${path}[${index}]`);
      if (problem) return problem;
    }
    return undefined;
  };

/** An object with these keys and no others; `required` ones must be there. A path of "" is the event itself. */
export const object =
  (keys: Record<string, Check>, required: readonly string[] = []): Check =>
  (value, path) => {
    if (!isObject(value)) return mistyped(path, "an object", value);
    const at = (key: string) => (path === "" ? key : `${path}.${key}`);
    for (const [key, entry] of Object.entries(value)) {
      const check = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (!check) return problems.unknownParameter(at(key));
      const problem = check(entry, at(key));
      if (problem) return problem;
    }
    const missing = required.find((key) => value[key] === undefined);
    return missing === undefined ? undefined : problems.missingParameter(at(missing));
  };

/** An object whose `tag` key decides which check holds for the whole of it. */
export const tagged =
  (tag: string, kinds: Record<string, Check>): Check =>
  (value, path) => {
    if (!isObject(value)) return mistyped(path, "an object", value);
    const kind = value[tag];
    const at = path === "" ? tag : `${path}.${tag}`;
    if (kind === undefined) return problems.missingParameter(at);
    const check = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return check ? check(value, path) : problems.invalidValue(at, kind, Object.keys(kinds));
  };

/** Strings are held to `forStrings`, everything else to `otherwise`. */
export const stringOr =
  (forStrings: Check, otherwise: Check): Check =>
  (value, path) =>
    typeof value === "string" ? forStrings(value, path) : otherwise(value, path);
