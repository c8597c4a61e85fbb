import { accountId, region } from "../aws/arns.ts";
import type { Properties } from "./protocol.ts";

interface StatementInput {
  sid?: string;
  effect?: string;
  actions?: string[];
  resources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
}

const groupBy = (principals: NonNullable<StatementInput["principals"]>): Record<string, string[]> | "*" => {
  if (principals.some(({ type }) => type === "*")) return "*";
  const groups: Record<string, string[]> = {};
  for (const { type, identifiers } of principals) groups[type] = [...(groups[type] ?? []), ...identifiers];
  return groups;
};

const conditionOf = (conditions: NonNullable<StatementInput["conditions"]>) => {
  const operators: Record<string, Record<string, string[]>> = {};
  for (const { test, variable, values } of conditions) {
    operators[test] = { ...operators[test], [variable]: [...(operators[test]?.[variable] ?? []), ...values] };
  }
  return operators;
};

const rest: readonly string[] = ["sid", "effect", "actions", "resources", "principals", "conditions"];

/** A statement of getPolicyDocument as it stands in the document that the provider makes of it. */
const statementOf = (input: StatementInput): object => {
  const { sid, effect = "Allow", actions, resources, principals, conditions } = input;
  const unknown = Object.keys(input).filter((member) => !rest.includes(member));
  if (unknown.length > 0) throw new Error(`getPolicyDocument: "${unknown.join('", "')}" is not known here`);
  return {
    ...(sid === undefined ? {} : { Sid: sid }),
    Effect: effect,
    ...(actions ? { Action: actions } : {}),
    ...(resources ? { Resource: resources } : {}),
    ...(principals?.length ? { Principal: groupBy(principals) } : {}),
    ...(conditions?.length ? { Condition: conditionOf(conditions) } : {}),
  };
};

/** What the program asks the providers about: the stand-in's one account. Throws for a question that nobody asked before. */
export const answerCall = (token: string, inputs: Properties): Properties => {
  switch (token) {
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", dnsSuffix: "amazonaws.com" };
    case "aws:index/getRegion:getRegion":
      return { region, name: region, id: region };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId, arn: `arn:aws:iam::${accountId}:user/deployer`, userId: "DEPLOYER" };
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return { names: [`${region}a`, `${region}b`], zoneIds: ["use1-az1", "use1-az2"] };
    case "aws:iam/getPolicyDocument:getPolicyDocument": {
      const statements = (inputs.statements ?? []) as StatementInput[];
      return { json: JSON.stringify({ Version: "2012-10-17", Statement: statements.map(statementOf) }), statements };
    }
    case "aws:ecr/getAuthorizationToken:getAuthorizationToken":
      return { proxyEndpoint: "https://ecr.invalid", userName: "AWS", password: "no image is pushed" };
    default:
      throw new Error(`the stand-in of Pulumi's engine cannot answer ${token}: add it to data-sources.ts`);
  }
};
