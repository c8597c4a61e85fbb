import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate, type PolicyDocument, type Statement } from "../cloud/aws-policies/evaluate.ts";
import { matchesArn, matchesPattern } from "../cloud/aws-policies/match.ts";

const table = "arn:aws:dynamodb:us-east-1:123456789012:table/calls";

const allow = (Action: string | string[], Resource: string | string[], Condition?: Statement["Condition"]) =>
  ({ Effect: "Allow", Action, Resource, ...(Condition ? { Condition } : {}) }) satisfies Statement;

const verdictOf = (statements: readonly Statement[], action: string, resource: string, context = {}) =>
  evaluate([{ Statement: statements }], { action, resource, context });

describe("a policy", () => {
  test.each<[string, Statement[], string, string, string]>([
    ["allows what it names", [allow("dynamodb:GetItem", table)], "dynamodb:GetItem", table, "allowed"],
    ["allows nothing by default", [], "dynamodb:GetItem", table, "not allowed"],
    ["allows no other action", [allow("dynamodb:GetItem", table)], "dynamodb:PutItem", table, "not allowed"],
    ["allows no other table", [allow("dynamodb:*", table)], "dynamodb:GetItem", `${table}2`, "not allowed"],
    ["matches actions in any case", [allow("DynamoDB:getitem", table)], "dynamodb:GetItem", table, "allowed"],
    [
      "matches resources as they are",
      [allow("dynamodb:*", table.toUpperCase())],
      "dynamodb:GetItem",
      table,
      "not allowed",
    ],
    ["takes lists", [allow(["a:B", "dynamodb:Get*"], ["x", `${table}*`])], "dynamodb:GetItem", table, "allowed"],
    ["on one resource says nothing of all", [allow("ecs:ListTasks", table)], "ecs:ListTasks", "*", "not allowed"],
  ])("%s", (_, statements, action, resource, verdict) => {
    expect(verdictOf(statements, action, resource)).toBe(verdict);
  });

  test("with a Deny refuses what another statement allows", () => {
    const deny: Statement = { Effect: "Deny", Action: "dynamodb:DeleteItem", Resource: "*" };
    const statements = [allow("dynamodb:*", "*"), deny];
    expect(verdictOf(statements, "dynamodb:DeleteItem", table)).toBe("explicitly denied");
    expect(verdictOf(statements, "dynamodb:GetItem", table)).toBe("allowed");
  });

  test("with conditions asks that all be met, each by one of its values", () => {
    const cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/calls";
    const statements = [
      allow("ecs:ListTasks", "*", {
        ArnEquals: { "ecs:cluster": cluster },
        StringEquals: { "aws:RequestedRegion": ["us-east-1", "eu-west-1"] },
      }),
    ];
    const ask = (context: Record<string, string>) => verdictOf(statements, "ecs:ListTasks", "*", context);
    expect(ask({ "ECS:Cluster": cluster, "aws:requestedregion": "eu-west-1" })).toBe("allowed");
    expect(ask({ "ecs:cluster": cluster, "aws:requestedregion": "us-west-2" })).toBe("not allowed");
    expect(ask({ "ecs:cluster": cluster })).toBe("not allowed");
  });

  test.each<[string, object]>([
    ["a condition operator", { Condition: { DateLessThan: { "aws:CurrentTime": "2020-01-01" } } }],
    ["a member", { NotAction: "iam:*" }],
    ["a variable", { Resource: `arn:aws:s3:::home/\${aws:username}` }],
  ])("with %s that is not evaluated is no silent yes or no", (_, members) => {
    const statement = { ...allow("*", "*"), ...members } as Statement;
    expect(() => verdictOf([statement], "dynamodb:GetItem", table)).toThrow("not evaluated here");
  });
});

test("an ARN's wildcard does not reach into another part", () => {
  expect(
    matchesArn("arn:aws:lambda:*:123456789012:function:a*", "arn:aws:lambda:us-east-1:123456789012:function:ab:1"),
  ).toBe(true);
  expect(matchesArn("arn:aws:lambda:*:function:a", "arn:aws:lambda:us-east-1:123456789012:function:a")).toBe(false);
});

const letters = fc.string({ unit: fc.constantFrom("a", "b", ":", "*", "?"), maxLength: 8 });

/** The definition, word for word. */
const slowly = (pattern: string, text: string): boolean => {
  const [first, ...rest] = pattern;
  if (first === undefined) return text === "";
  const after = rest.join("");
  if (first === "*") return slowly(after, text) || (text !== "" && slowly(pattern, text.slice(1)));
  return text !== "" && (first === "?" || first === text[0]) && slowly(after, text.slice(1));
};

test("patterns match what their definition says", () => {
  fc.assert(
    fc.property(letters, letters, (pattern, text) => matchesPattern(pattern, text) === slowly(pattern, text)),
    {
      numRuns: 2_000,
    },
  );
});

const word = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 3 });
const statement: fc.Arbitrary<Statement> = fc.record({
  Effect: fc.constantFrom("Allow" as const, "Deny" as const),
  Action: fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 2 })),
  Resource: word,
});
const request = fc.record({ action: word, resource: word, context: fc.constant({}) });

describe("whatever the policies", () => {
  test("their order and how they are divided make no difference", () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 5 }), request, (statements, asked) => {
        const divided: PolicyDocument[] = statements.toReversed().map((one) => ({ Statement: [one] }));
        expect(evaluate(divided, asked)).toBe(evaluate([{ Statement: statements }], asked));
      }),
    );
  });

  test("one more Allow takes nothing away, and one Deny of everything takes all", () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 5 }), statement, request, (statements, more, asked) => {
        const before = evaluate([{ Statement: statements }], asked);
        const wider = evaluate([{ Statement: [...statements, { ...more, Effect: "Allow" }] }], asked);
        if (before !== "not allowed") expect(wider).toBe(before);
        const all: Statement = { Effect: "Deny", Action: "*", Resource: "*" };
        expect(evaluate([{ Statement: [...statements, all] }], asked)).toBe("explicitly denied");
      }),
    );
  });
});
