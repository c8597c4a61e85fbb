import { AwsError } from "./aws-error.ts";
import { isJson, type Json } from "./json.ts";

const invalid = (message: string): AwsError =>
  new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${message}`);

const isPrimitive = (value: unknown): boolean =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

/** Filters that are known here; EventBridge has more of them. */
const isFilter = (value: unknown): boolean =>
  isJson(value) && (typeof value.prefix === "string" || typeof value.exists === "boolean");

/** Throws AwsError for a pattern that EventBridge refuses, or that has a filter which is not known here. */
export const checkPattern = (pattern: unknown): void => {
  if (!isJson(pattern)) throw invalid("Filter is not an object");
  for (const [key, wanted] of Object.entries(pattern)) {
    if (isJson(wanted)) checkPattern(wanted);
    else if (!Array.isArray(wanted)) throw invalid(`"${key}" must be an object or an array`);
    else if (wanted.length === 0) throw invalid("Empty arrays are not allowed");
    else if (!wanted.every((value) => isPrimitive(value) || isFilter(value))) {
      throw invalid(`"${key}" has a filter that the local cloud does not know: it has prefix and exists`);
    }
  }
};

const matchesValue = (wanted: unknown, given: unknown): boolean => {
  if (!isJson(wanted)) return wanted === given;
  if (typeof wanted.exists === "boolean") return wanted.exists === (given !== undefined);
  return typeof given === "string" && given.startsWith(String(wanted.prefix));
};

/**
 * Whether an event is one that a rule's pattern describes: every key of the pattern is in the event, one of the values in
 * its array is the event's, and where the event has an array, one of that array's values is enough.
 */
export const matchesPattern = (pattern: Json, event: Json): boolean =>
  Object.entries(pattern).every(([key, wanted]) => {
    const given = event[key];
    if (!Array.isArray(wanted)) return isJson(wanted) && isJson(given) && matchesPattern(wanted, given);
    const values: unknown[] = Array.isArray(given) ? given : [given];
    return wanted.some((value) => values.some((one) => matchesValue(value, one)));
  });
