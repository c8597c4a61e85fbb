import { matchesArn, matchesPattern } from "./match.ts";

/** What somebody wants to do. */
export interface AccessRequest {
  /** "dynamodb:GetItem" */
  action: string;
  /** ARN, or "*" where an action knows no resources. */
  resource: string;
  /** Condition keys, such as "ecs:cluster". */
  context: Readonly<Record<string, string>>;
}

export interface Statement {
  Effect: "Allow" | "Deny";
  Action: string | readonly string[];
  Resource: string | readonly string[];
  Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PolicyDocument {
  Statement: readonly Statement[];
}

export type Verdict = "allowed" | "explicitly denied" | "not allowed";

const known: readonly string[] = ["Sid", "Effect", "Action", "Resource", "Condition"];

const operators: Readonly<Record<string, (pattern: string, value: string) => boolean>> = {
  StringEquals: (pattern, value) => pattern === value,
  StringLike: matchesPattern,
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
};

const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);

/** A key that the request does not have meets no condition: none of these operators is a negation. */
const meetsConditions = ({ Condition = {} }: Statement, context: AccessRequest["context"]): boolean => {
  const values = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  return Object.entries(Condition).every(([operator, keys]) => {
    const matches = operators[operator];
    if (matches === undefined) throw new Error(`the condition operator "${operator}" is not evaluated here: add it`);
    return Object.entries(keys).every(([key, patterns]) => {
      const value = values.get(key.toLowerCase());
      return value !== undefined && listOf(patterns).some((pattern) => matches(pattern, value));
    });
  });
};

const appliesTo = (statement: Statement, { action, resource, context }: AccessRequest): boolean => {
  const unknown = Object.keys(statement).filter((member) => !known.includes(member));
  if (unknown.length > 0) throw new Error(`"${unknown.join('", "')}" of a statement is not evaluated here: add it`);
  const resources = listOf(statement.Resource);
  if (resources.some((pattern) => pattern.includes("${"))) throw new Error("policy variables are not evaluated here");
  return (
    listOf(statement.Action).some((pattern) => matchesPattern(pattern.toLowerCase(), action.toLowerCase())) &&
    resources.some((pattern) => matchesPattern(pattern, resource)) &&
    meetsConditions(statement, context)
  );
};

/**
 * What the identity policies of a role say to a request: a Deny that applies wins, else an Allow that applies, else no.
 *
 * This is ours, written after AWS's documentation, for policies as this project makes them. It is not AWS's evaluation: it
 * knows no resource policies, permission boundaries, service control or session policies, no policy variables, and no
 * condition operators but four. What it does not know makes it throw, so that nothing passes unread.
 */
export const evaluate = (policies: readonly PolicyDocument[], request: AccessRequest): Verdict => {
  const applying = policies.flatMap(({ Statement }) => Statement).filter((statement) => appliesTo(statement, request));
  if (applying.some(({ Effect }) => Effect === "Deny")) return "explicitly denied";
  return applying.length > 0 ? "allowed" : "not allowed";
};
