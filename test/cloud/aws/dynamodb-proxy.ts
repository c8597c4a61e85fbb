import { indexArn, tableArn } from "./arns.ts";
import { checkNeeds, type Guard, type Need } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import type { LocalDynamoDb } from "./dynamodb.ts";
import { isJson, type Json, parseInput } from "./json.ts";

export interface DynamoDbRequest {
  /** e.g. "GetItem" */
  action: string;
  headers: Headers;
  body: string;
  accessKeyId: string;
}

/** A name, or the name in an ARN. */
const tableOf = (value: unknown): string => String(value).replace(/^arn:[^/]*:table\//, "");

/** What a request needs, table by table; of an index, the index alone. */
export const dynamoDbNeeds = (action: string, input: Json): Need[] => {
  const of = (resource: string, name = action): Need => ({ action: `dynamodb:${name}`, resource });
  if (typeof input.IndexName === "string") return [of(indexArn(tableOf(input.TableName), input.IndexName))];
  if (input.TableName !== undefined) return [of(tableArn(tableOf(input.TableName)))];
  if (isJson(input.RequestItems)) return Object.keys(input.RequestItems).map((table) => of(tableArn(tableOf(table))));
  return [of("*")];
};

const json = (status: number, body: Json): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/x-amz-json-1.0" } });

/** What dynalite has no word of: that a table has an attribute after which its items would expire. */
const timeToLive = (dynamoDb: LocalDynamoDb, action: string, input: Json): Response | undefined => {
  if (action !== "DescribeTimeToLive" && action !== "UpdateTimeToLive") return undefined;
  const table = tableOf(input.TableName);
  if (action === "DescribeTimeToLive") {
    const attribute = dynamoDb.timesToLive.get(table);
    const described = attribute === undefined ? {} : { AttributeName: attribute };
    const status = attribute === undefined ? "DISABLED" : "ENABLED";
    return json(200, { TimeToLiveDescription: { TimeToLiveStatus: status, ...described } });
  }
  const specification = isJson(input.TimeToLiveSpecification) ? input.TimeToLiveSpecification : {};
  if (specification.Enabled === true) dynamoDb.timesToLive.set(table, String(specification.AttributeName));
  else dynamoDb.timesToLive.delete(table);
  return json(200, { TimeToLiveSpecification: specification });
};

/** Headers that belong to one connection, or that fetch writes itself. */
const ownHeaders = ["host", "connection", "content-length", "transfer-encoding", "expect"];

/** Hands a request on to dynalite, once its caller may make it. */
export const forwardToDynamoDb = async (
  dynamoDb: LocalDynamoDb,
  guard: Guard,
  { action, headers, body, accessKeyId }: DynamoDbRequest,
): Promise<Response> => {
  try {
    const input = parseInput(body);
    checkNeeds(guard, accessKeyId, dynamoDbNeeds(action, input));
    const own = timeToLive(dynamoDb, action, input);
    if (own !== undefined) return own;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const prefix = "com.amazon.coral.service#";
    return json(error.status, { __type: `${prefix}${error.code}`, message: error.message });
  }
  const forwarded = new Headers(headers);
  for (const name of ownHeaders) forwarded.delete(name);
  // Both servers are on loopback, and both end with the local cloud: a deadline of ours would only hide which one hangs.
  const response = await fetch(dynamoDb.endpointUrl, { method: "POST", headers: forwarded, body });
  return new Response(await response.arrayBuffer(), {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !ownHeaders.includes(name)),
  });
};
