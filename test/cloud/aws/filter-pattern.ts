import { AwsError } from "./aws-error.ts";
import { isJson } from "./json.ts";

/** Whether a line is one that a filter pattern looks for. */
export type LineFilter = (line: string) => boolean;

type Condition = (value: unknown) => boolean;

const maxPatternLength = 1_024;

const invalid = (pattern: string): AwsError =>
  new AwsError("InvalidParameterException", `Invalid filter pattern: ${pattern.slice(0, 200)}`);

const jsonTokens = /\s*(&&|\|\||!=|>=|<=|[()=<>]|"(?:[^"\\]|\\.)*"|\$(?:\.[\w-]+|\[\d+\])+|[\w.*+-]+)/y;

const split = (text: string, pattern: string): string[] => {
  const tokens: string[] = [];
  jsonTokens.lastIndex = 0;
  for (let end = 0; end < text.length; end = jsonTokens.lastIndex) {
    const found = jsonTokens.exec(text)?.[1];
    if (found === undefined) throw invalid(pattern);
    tokens.push(found);
  }
  return tokens;
};

/** The value at "$.a.b[0]". */
const valueAt = (selector: string, event: unknown): unknown => {
  let value = event;
  for (const [, key, index] of selector.matchAll(/\.([\w-]+)|\[(\d+)\]/g)) {
    if (key !== undefined) value = isJson(value) ? value[key] : undefined;
    else value = Array.isArray(value) ? value[Number(index)] : undefined;
  }
  return value;
};

const textMatcher = (wanted: string): RegExp => new RegExp(`^${wanted.split("*").map(RegExp.escape).join(".*")}$`, "s");

const compare = (operator: string, wanted: string): Condition | undefined => {
  const isNumber = !wanted.startsWith('"') && wanted.trim() !== "" && Number.isFinite(Number(wanted));
  const number = Number(wanted);
  const matcher = textMatcher(wanted.startsWith('"') ? wanted.slice(1, -1).replace(/\\(.)/g, "$1") : wanted);
  const equals: Condition = (value) =>
    isNumber && typeof value === "number" ? value === number : typeof value === "string" && matcher.test(value);
  const ordered = (holds: (value: number) => boolean): Condition | undefined =>
    isNumber ? (value) => typeof value === "number" && holds(value) : undefined;
  if (operator === "=") return equals;
  if (operator === "!=") return (value) => value !== undefined && !equals(value);
  if (operator === "<") return ordered((value) => value < number);
  if (operator === ">") return ordered((value) => value > number);
  if (operator === "<=") return ordered((value) => value <= number);
  if (operator === ">=") return ordered((value) => value >= number);
  return undefined;
};

const literals: Readonly<Record<string, Condition>> = {
  TRUE: (value) => value === true,
  FALSE: (value) => value === false,
  NULL: (value) => value === null,
};

/** Parses `{ … }`: comparisons of selectors with values, IS, NOT EXISTS, && before ||, parentheses. */
const parseJsonPattern = (text: string, pattern: string): Condition => {
  const tokens = split(text.trim(), pattern);
  const take = (): string => {
    const token = tokens.shift();
    if (token === undefined) throw invalid(pattern);
    return token;
  };
  const comparison = (selector: string): Condition => {
    if (!selector.startsWith("$")) throw invalid(pattern);
    const operator = take();
    const wanted = take();
    let condition: Condition | undefined;
    if (operator === "IS") condition = literals[wanted];
    else if (operator === "NOT") condition = wanted === "EXISTS" ? (value) => value === undefined : undefined;
    else condition = compare(operator, wanted);
    if (condition === undefined) throw invalid(pattern);
    const holds = condition;
    return (event) => holds(valueAt(selector, event));
  };
  const primary = (): Condition => {
    const token = take();
    if (token !== "(") return comparison(token);
    const inner = either();
    if (take() !== ")") throw invalid(pattern);
    return inner;
  };
  const joined = (operator: string, part: () => Condition, holds: (all: Condition[]) => Condition) => (): Condition => {
    const parts = [part()];
    for (; tokens[0] === operator; parts.push(part())) tokens.shift();
    return holds(parts);
  };
  const both = joined("&&", primary, (parts) => (event) => parts.every((part) => part(event)));
  const either = joined("||", both, (parts) => (event) => parts.some((part) => part(event)));
  const parsed = either();
  if (tokens.length > 0) throw invalid(pattern);
  return parsed;
};

const jsonOf = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Text has no members: a JSON pattern never matches it.
  }
};

/** Terms: all of those without a sign, none with "-", and one of those with "?" where there are only such. */
const parseTerms = (pattern: string): LineFilter => {
  const terms = [...pattern.matchAll(/([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(([, sign, quoted, word]) => {
    // A word may hold what is alphanumeric; anything else must stand in quotes.
    if (word !== undefined && !/^[\p{L}\p{N}_]+$/u.test(word)) throw invalid(pattern);
    return { sign, text: word ?? (quoted ?? "").replace(/\\(.)/g, "$1") };
  });
  const withSign = (wanted: string) => terms.flatMap(({ sign, text }) => (sign === wanted ? text : []));
  const [all, none, any] = [withSign(""), withSign("-"), withSign("?")];
  return (line) =>
    all.every((text) => line.includes(text)) &&
    !none.some((text) => line.includes(text)) &&
    (any.length === 0 || all.length > 0 || any.some((text) => line.includes(text)));
};

/**
 * Parses a filter pattern of CloudWatch Logs: `{ $.member = "value" }` for lines of JSON, or terms for any. Patterns for
 * columns and regular expressions are not known here. Throws InvalidParameterException, as the service answers.
 */
export const parseFilterPattern = (pattern: string): LineFilter => {
  const text = pattern.trim();
  if (text === "") return () => true;
  if (text.length > maxPatternLength || /^[[%]/.test(text)) throw invalid(pattern);
  if (!text.startsWith("{")) return parseTerms(text);
  if (!text.endsWith("}")) throw invalid(pattern);
  const holds = parseJsonPattern(text.slice(1, -1), pattern);
  return (line) => {
    const event = jsonOf(line);
    return event !== undefined && holds(event);
  };
};
