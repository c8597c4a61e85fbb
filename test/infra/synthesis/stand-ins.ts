import type { Fields, Value } from "./request.ts";

const region = "us-east-1";
const account = "123456789012";

/** What the password provider makes here: to be found again wherever it goes. */
export const generatedPassword = "GeneratedByTheRandomProvider1234567890";

const textOf = (value: Value, otherwise: string): string => (typeof value === "string" ? value : otherwise);

const arnPaths: Readonly<Record<string, (name: string, inputs: Fields) => string>> = {
  "aws:cloudwatch/eventRule:EventRule": (name) => `events:${region}:${account}:rule/${name}`,
  "aws:cloudwatch/logGroup:LogGroup": (name) => `logs:${region}:${account}:log-group:${name}`,
  "aws:dynamodb/table:Table": (name) => `dynamodb:${region}:${account}:table/${name}`,
  "aws:ecs/cluster:Cluster": (name) => `ecs:${region}:${account}:cluster/${name}`,
  "aws:ecs/taskDefinition:TaskDefinition": (name, { family }) =>
    `ecs:${region}:${account}:task-definition/${textOf(family, name)}:1`,
  "aws:iam/role:Role": (name) => `iam::${account}:role/${name}`,
  "aws:lambda/function:Function": (name) => `lambda:${region}:${account}:function:${name}`,
  "aws:sns/topic:Topic": (name) => `sns:${region}:${account}:${name}`,
  "aws:ssm/parameter:Parameter": (name) => `ssm:${region}:${account}:parameter${name}`,
};

const computed: Readonly<Record<string, (name: string) => Fields>> = {
  "aws:lambda/functionUrl:FunctionUrl": () => ({ functionUrl: "https://abc.lambda-url.us-east-1.on.aws/" }),
  "aws:ssm/parameter:Parameter": () => ({ version: 1 }),
  "docker-build:index:Image": () => ({
    digest: "sha256:feed",
    ref: `${account}.dkr.ecr.us-east-1.amazonaws.com/image`,
  }),
  "random:index/randomBytes:RandomBytes": () => ({ base64: Buffer.alloc(32, 7).toString("base64") }),
  "random:index/randomPassword:RandomPassword": () => ({ result: generatedPassword }),
};

/** What a resource is like once it exists, as far as other resources ask. */
export const stateOf = (type: string, logicalName: string, inputs: Fields): Fields => {
  const given = inputs.name ?? inputs.bucket ?? inputs.functionName;
  const name = textOf(given, type.includes("lambda/function:") ? logicalName : textOf(inputs.family, logicalName));
  const path = arnPaths[type]?.(name, inputs) ?? `mock:${region}:${account}:${type.split(":").at(-1)}/${name}`;
  return { ...inputs, name, arn: `arn:aws:${path}`, ...computed[type]?.(name) };
};

/** The provider's list of conditions as IAM has it: operator → key → values. */
const conditionOf = (conditions: Value): Fields => {
  const byTest: Record<string, Fields> = {};
  for (const { test, variable, values } of conditions as { test: string; variable: string; values: Value }[]) {
    byTest[test] = { ...byTest[test], [variable]: values };
  }
  return byTest;
};

const statementOf = (statement: Fields): Fields => ({
  Sid: statement.sid,
  Effect: statement.effect ?? "Allow",
  Action: statement.actions,
  Resource: statement.resources,
  ...(statement.conditions === undefined ? {} : { Condition: conditionOf(statement.conditions) }),
  Principal: statement.principals,
});

/** What AWS answers to the questions that SST's components ask while they are evaluated; undefined to others. */
export const answerTo = (token: string, inputs: Fields): Fields | undefined => {
  switch (token) {
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", dnsSuffix: "amazonaws.com" };
    case "aws:index/getRegion:getRegion":
      return { region, name: region, id: region };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId: account, id: account };
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return { names: ["us-east-1a", "us-east-1b", "us-east-1c"], zoneIds: ["a", "b", "c"] };
    case "aws:ecr/getAuthorizationToken:getAuthorizationToken":
      return { proxyEndpoint: "https://registry", userName: "AWS", password: "registry-password" };
    case "aws:iam/getPolicyDocument:getPolicyDocument": {
      const statements = (inputs.statements ?? []) as Fields[];
      const json = JSON.stringify({ Version: "2012-10-17", Statement: statements.map(statementOf) });
      return { ...inputs, statements, json, minifiedJson: json };
    }
    default:
      return undefined;
  }
};

/** What SST's command line says of the account it has set up. */
export const bootstrap: Fields = {
  asset: "sst-asset",
  assetEcrRegistryId: account,
  assetEcrUrl: `${account}.dkr.ecr.${region}.amazonaws.com/sst-asset`,
  state: "sst-state",
  appsyncHttp: "appsync-http",
  appsyncRealtime: "appsync-realtime",
};
