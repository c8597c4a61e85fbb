import { DescribeTableCommand, type TableDescription } from "@aws-sdk/client-dynamodb";
import { type FunctionConfiguration, GetFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { messageOf } from "../../../bridge-task/errors.ts";
import { createStreamApi, StreamRequestError } from "../../../functions/stream/stream-api.ts";
import { ask } from "../cli/aws.ts";
import { isAccessDenied, nameOf } from "../cli/aws-failure.ts";
import { readParameters } from "../cli/find-deployment.ts";
import type { Operator } from "../cli/operator.ts";
import { type Deployment, parameterNames } from "../deployment.ts";
import { type Fact, Found, fact, isJson, type Json, problem } from "./check.ts";

export type Keys = Record<keyof ReturnType<typeof parameterNames>, string>;

/** What is known of a deployment, each asked for once. Where one cannot be had, the check that owns it says why. */
export interface Patient {
  stage: string;
  aws: Operator["aws"];
  table: Operator["table"];
  now: () => number;
  identity: Fact<{ account: string; arn: string }>;
  deployment: Fact<Deployment>;
  /** One of the keys; those that are there can be had although others are missing. */
  key(name: keyof Keys): Promise<string>;
  keys: Fact<Partial<Keys>>;
  streamKeys: Fact<{ apiKey: string; apiSecret: string }>;
  /** A GET of Stream's REST API, `path` after /api/v2. Rejects with Found. */
  stream(path: string, query?: Record<string, string>): Promise<Json>;
  /** The settings of the Stream app. */
  streamApp: Fact<Json>;
  /** By name. */
  callTypes: Fact<Record<string, Json>>;
  /** Of a function; undefined where it is not there. */
  functionOf(name: string): Promise<FunctionConfiguration | undefined>;
  /** The Function URL answers as our API does. */
  api: Fact<void>;
  callsTable: Fact<TableDescription>;
}

const requestMs = 10_000;

/** Stream's code for an API key that it does not know. */
const unknownKeyCode = 2;

const streamFound = (error: unknown, path: string, stage: string): Found => {
  if (!(error instanceof StreamRequestError)) {
    const why = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
    return new Found(
      problem(`Stream did not answer to ${path} (${why})`, "check the network, and Stream's status page"),
      error,
    );
  }
  const { status, data, message } = error;
  const setAgain = (secrets: string) =>
    `set ${secrets} as Stream's dashboard shows it for this app: npx sst secret set <name> <value> --stage ${stage}; then deploy again`;
  if (data.code === unknownKeyCode) {
    return new Found(
      problem(`Stream does not know the API key: ${message}`, setAgain("StreamApiKey, and its StreamApiSecret,")),
      error,
    );
  }
  if (status === 401 || status === 403) {
    return new Found(problem(`Stream refuses what the secret signs: ${message}`, setAgain("StreamApiSecret")), error);
  }
  return new Found(problem(message, "try again; see Stream's status page"), error);
};

/** What is wrong with a Function URL that does not answer as our API does. */
const apiFinding = (status: number, text: string, { stage, agentsUrl, logGroups }: Deployment) => {
  const again = `deploy again: npx sst deploy --stage ${stage}`;
  if (status >= 500) {
    return problem(
      `the webhook function fails (HTTP ${status} from ${agentsUrl})`,
      `see why in the log group ${logGroups.webhook}; most often a variable or a parameter is missing. Then ${again}`,
    );
  }
  if (status === 403) {
    return problem(
      `AWS does not let anybody call ${agentsUrl} (HTTP 403: ${text.slice(0, 100)})`,
      `the URL's permissions are gone: ${again}`,
    );
  }
  return problem(
    `${agentsUrl} answers HTTP ${status}, and not as the agents API does`,
    `the URL is no longer this deployment's: ${again}`,
  );
};

/** Rejects with Found unless the API answers. */
const checkApi = async (deployment: Deployment): Promise<void> => {
  const { agentsUrl, stage } = deployment;
  let status: number;
  let text: string;
  try {
    const signal = AbortSignal.timeout(requestMs);
    // Without a key: who answers 401 as the API does is the API.
    const response = await fetch(`${agentsUrl}/calls/default/no-such-call/agents`, { redirect: "manual", signal });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    const why = messageOf(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause);
    throw new Found(
      problem(
        `${agentsUrl} cannot be reached (${why})`,
        `check the network from here; if it is well, the function's URL is gone: deploy again (npx sst deploy --stage ${stage})`,
      ),
      cause,
    );
  }
  if (status === 401 && text.includes('"unauthorized"')) return;
  throw new Found(apiFinding(status, text, deployment));
};

export const createPatient = (operator: Operator): Patient => {
  const { aws, stage, now, table } = operator;

  const identity = fact("aws-credentials", async () => {
    const { Account = "?", Arn = "?" } = await ask(
      "asking AWS who this is",
      aws.sts.send(new GetCallerIdentityCommand({})),
    );
    return { account: Account, arn: Arn };
  });

  const deployment = fact("deployment", async () => {
    await identity();
    return operator.deployment();
  });

  const keys = fact("parameters", async () => {
    await deployment();
    return readParameters(aws, stage, Object.keys(parameterNames(stage)) as (keyof Keys)[]);
  });

  const keyFacts = new Map<keyof Keys, Fact<string>>();
  const key = (name: keyof Keys): Promise<string> => {
    const known = keyFacts.get(name);
    if (known !== undefined) return known();
    const made = fact("parameters", async () => {
      const value = (await keys())[name];
      if (value === undefined) throw new Error(`${parameterNames(stage)[name]} is missing`);
      return value;
    });
    keyFacts.set(name, made);
    return made();
  };

  const streamKeys = fact("parameters", async () => {
    const [apiKey, apiSecret] = await Promise.all([key("STREAM_API_KEY"), key("STREAM_API_SECRET")]);
    return { apiKey, apiSecret };
  });

  const stream = async (path: string, query: Record<string, string> = {}): Promise<Json> => {
    const [keys, { streamBaseUrl: baseUrl }] = await Promise.all([streamKeys(), deployment()]);
    try {
      return await createStreamApi({ ...keys, baseUrl })("GET", path, {
        query,
        signal: AbortSignal.timeout(requestMs),
      });
    } catch (error) {
      throw streamFound(error, path, stage);
    }
  };

  const streamApp = fact("stream-keys", async () => {
    const { app } = await stream("/app");
    if (isJson(app)) return app;
    throw new Found(
      problem("Stream's answer to /app has no app in it", "see Stream's status page; the API may have changed"),
    );
  });

  const callTypes = fact("call-types", async () => {
    await streamApp();
    const { call_types: types } = await stream("/video/calltypes");
    if (!isJson(types)) {
      throw new Found(
        problem("Stream's answer has no call types in it", "see Stream's status page; the API may have changed"),
      );
    }
    return Object.fromEntries(Object.entries(types).filter((entry): entry is [string, Json] => isJson(entry[1])));
  });

  const functions = new Map<string, Promise<FunctionConfiguration | undefined>>();
  const functionOf = (name: string) => {
    const asked =
      functions.get(name) ??
      ask(
        `looking at the function ${name}`,
        aws.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name })).catch((error: unknown) => {
          if (nameOf(error) === "ResourceNotFoundException") return undefined;
          throw error;
        }),
      );
    functions.set(name, asked);
    return asked;
  };

  const webhookThere = fact("functions", async () => {
    const { functions: names } = await deployment();
    const found = await functionOf(names.webhook).catch((error: unknown) => {
      // Who may not look at the function may still ask its URL.
      if (isAccessDenied(error)) return "not seen";
      throw error;
    });
    if (found === undefined) throw new Error(`${names.webhook} is missing`);
  });

  const api = fact("function-url", async () => {
    await webhookThere();
    return checkApi(await deployment());
  });

  const callsTable = fact("calls-table", async () => {
    const { callsTable: TableName } = await deployment();
    const request = aws.dynamoDb.send(new DescribeTableCommand({ TableName })).catch((error: unknown) => {
      if (nameOf(error) === "ResourceNotFoundException") return undefined;
      throw error;
    });
    const found = (await ask("looking at the calls table", request))?.Table;
    if (found !== undefined) return found;
    const mend = `deploy again: npx sst deploy --stage ${stage}`;
    throw new Found(problem(`the table ${TableName} does not exist: no agent can be claimed`, mend));
  });

  return {
    stage,
    aws,
    table,
    now,
    identity,
    deployment,
    key,
    keys,
    streamKeys,
    stream,
    streamApp,
    callTypes,
    functionOf,
    api,
    callsTable,
  };
};
