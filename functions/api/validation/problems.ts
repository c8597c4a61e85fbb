import type { BaseIssue } from "valibot";
import type { FieldProblem } from "../types.ts";
import { isObject, problemLimit } from "./schema.ts";

/** Something that was checked, or all that is wrong with it. */
export type Checked<T> = { ok: true; value: T } | { ok: false; fields: FieldProblem[] };

/** Of names and values that are repeated to whoever wrote them. */
const shownChars = 60;

/** Where in the body, as one would write it in JavaScript: `tools[0].url`. */
export const fieldPath = (keys: readonly unknown[]): string =>
  keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    const name = String(key).slice(0, shownChars);
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
    return path === "" ? name : `${path}.${name}`;
  }, "");

export const shown = (value: unknown): string => {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const json = JSON.stringify(value) ?? String(value);
  return json.length > shownChars ? `${json.slice(0, shownChars)}…` : json;
};

const problemOf = ({ type, received, input }: BaseIssue<unknown>): string => {
  if (type === "never") return "is not a field that is known";
  if (input === undefined) return "is missing";
  if (type === "max_bytes") return `is ${received} bytes long`;
  if (type === "max_length") return `has ${received} entries`;
  return `is ${shown(input)}`;
};

export const fieldProblems = (issues: readonly BaseIssue<unknown>[]): FieldProblem[] =>
  issues.slice(0, problemLimit).map((issue) => ({
    field: fieldPath(issue.path?.map(({ key }) => key) ?? []),
    problem: problemOf(issue),
    mend: issue.message,
  }));
