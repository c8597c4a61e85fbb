import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parametersVariable, withParameters } from "../../functions/parameters.ts";

interface Received {
  headers: IncomingMessage["headers"];
  body: { Names: string[]; WithDecryption: boolean };
  raw: string;
}

let server: Server;
let received: Received[];
/** What the next requests get instead of their parameters; the last one stays. */
let answers: ("hang" | { status: number; body: object })[];
let stored: Record<string, string>;

beforeEach(async () => {
  received = [];
  answers = [];
  stored = { "/app/dev/StreamApiKey": "key", "/app/dev/StreamApiSecret": "secret" };
  server = createServer(async (request, response) => {
    const raw = await text(request);
    const body: Received["body"] = JSON.parse(raw);
    received.push({ headers: request.headers, body, raw });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "hang") return;
    const found = body.Names.filter((name) => stored[name] !== undefined);
    const parameters = {
      Parameters: found.map((Name) => ({ Name, Type: "SecureString", Value: stored[Name] })),
      InvalidParameters: body.Names.filter((name) => stored[name] === undefined),
    };
    response.writeHead(answer?.status ?? 200, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(answer?.body ?? parameters));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const names = { STREAM_API_KEY: "/app/dev/StreamApiKey", STREAM_API_SECRET: "/app/dev/StreamApiSecret" };
const environment = (rest: Record<string, string | undefined> = {}) => ({
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "LOCAL",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_ENDPOINT_URL: url(),
  [parametersVariable]: JSON.stringify(names),
  ...rest,
});

describe("the environment with its parameters", () => {
  it("has the values that stand in SSM, decrypted, beside all that it had", async () => {
    const before = environment({ OTHER: "1" });
    expect(await withParameters(before)).toEqual({ ...before, STREAM_API_KEY: "key", STREAM_API_SECRET: "secret" });
    expect(received.map(({ body }) => body)).toEqual([{ Names: Object.values(names), WithDecryption: true }]);
  });

  it("keeps what is set anyway, and does not ask for it", async () => {
    const filled = await withParameters(environment({ STREAM_API_KEY: "mine", STREAM_API_SECRET: " " }));
    expect(filled).toMatchObject({ STREAM_API_KEY: "mine", STREAM_API_SECRET: "secret" });
    expect(received.map(({ body }) => body.Names)).toEqual([["/app/dev/StreamApiSecret"]]);
  });

  it("is as it was where nothing stands in SSM: no request is made", async () => {
    for (const json of [undefined, "", "{}"]) {
      const before = environment({ [parametersVariable]: json });
      expect(await withParameters(before)).toBe(before);
    }
    await withParameters(environment({ STREAM_API_KEY: "a", STREAM_API_SECRET: "b" }));
    expect(received).toEqual([]);
  });

  it("is read ten names at a time, each name once", async () => {
    const many = Object.fromEntries(Array.from({ length: 23 }, (_, index) => [`V${index}`, `/app/dev/P${index % 21}`]));
    for (const name of Object.values(many)) stored[name] = `value of ${name}`;
    const filled = await withParameters(environment({ [parametersVariable]: JSON.stringify(many) }));
    expect(filled).toMatchObject({
      V0: "value of /app/dev/P0",
      V21: "value of /app/dev/P0",
      V20: "value of /app/dev/P20",
    });
    expect(received.map(({ body }) => body.Names.length).toSorted((a, b) => a - b)).toEqual([1, 10, 10]);
  });

  it("asks the endpoint of SSM before the one of all services", async () => {
    await withParameters(environment({ AWS_ENDPOINT_URL_SSM: url(), AWS_ENDPOINT_URL: "http://127.0.0.1:1" }));
    expect(received).toHaveLength(1);
  });
});

it("requests are signed as AWS wants them, with the session's token", async () => {
  await withParameters(environment({ AWS_SESSION_TOKEN: "session" }));
  const [request] = received;
  const { headers = {}, raw = "" }: Partial<Received> = request ?? {};
  expect(headers).toMatchObject({ "x-amz-target": "AmazonSSM.GetParameters", "x-amz-security-token": "session" });
  const [, scope = "", signedNames = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=LOCAL\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  // AWS's recipe, by hand: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
  const sha256 = (data: string) => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const canonicalHeaders = signedNames.split(";").map((name) => `${name}:${headers[name]}\n`);
  const canonical = ["POST", "/", "", canonicalHeaders.join(""), signedNames, sha256(raw)].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const [date = "", region = "", service = "", end = ""] = scope.split("/");
  const key = [date, region, service, end].reduce<string | Buffer>(hmac, "AWS4local");
  expect([region, service, end]).toEqual(["us-east-1", "ssm", "aws4_request"]);
  expect(signedNames.split(";")).toEqual(expect.arrayContaining(["host", "x-amz-date", "x-amz-target"]));
  expect(signature).toBe(hmac(key, toSign).toString("hex"));
});

describe("a parameter that cannot be read is an error that", () => {
  it("names it, its variable, and how the secret is set", async () => {
    delete stored["/app/dev/StreamApiSecret"];
    const refused = withParameters(environment());
    await expect(refused).rejects.toThrow("/app/dev/StreamApiSecret (for STREAM_API_SECRET)");
    await expect(refused).rejects.toThrow("npx sst secret set");
    await expect(refused).rejects.toThrow("npx sst deploy --stage dev");
    await expect(refused).rejects.not.toThrow("/app/dev/StreamApiKey");
  });

  it("says that the role may not, in AWS's words", async () => {
    const message = "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: ssm:GetParameters";
    answers = [{ status: 400, body: { __type: "AccessDeniedException", Message: message } }];
    const refused = withParameters(environment(), { deadlineMs: 100 });
    await expect(refused).rejects.toThrow(/StreamApiKey.+AccessDeniedException.+not authorized.+role/);
  });

  it("says what SSM does not take, at once", async () => {
    answers = [{ status: 400, body: { __type: "ValidationException", message: "names" } }];
    await expect(withParameters(environment())).rejects.toThrow("ValidationException names");
    expect(received).toHaveLength(1);
  });

  it("says that SSM did not answer in time", async () => {
    answers = ["hang"];
    await expect(withParameters(environment(), { deadlineMs: 30 })).rejects.toThrow(
      /127\.0\.0\.1:\d+ did not tell .+ within 30 ms/,
    );
  });

  it.each(["nonsense", "[]", "7", '{"A":1}', '{"A":""}'])("says what %s should have been", async (json) => {
    await expect(withParameters(environment({ [parametersVariable]: json }))).rejects.toThrow("must be a JSON object");
  });

  it("says that there are no credentials", async () => {
    await expect(withParameters(environment({ AWS_ACCESS_KEY_ID: undefined }))).rejects.toThrow("AWS_ACCESS_KEY_ID");
  });
});

it.each<[string, { status: number; body: object }]>([
  ["throttles", { status: 400, body: { __type: "com.amazonaws.ssm#ThrottlingException", message: "Rate exceeded" } }],
  ["does not know the rights of a new role yet", { status: 400, body: { __type: "AccessDeniedException" } }],
  ["does not know the keys of a new role yet", { status: 400, body: { __type: "UnrecognizedClientException" } }],
  ["does not know them in other words", { status: 400, body: { __type: "InvalidClientTokenId" } }],
  ["is out of order", { status: 500, body: { __type: "InternalServerError" } }],
])("SSM is asked again when it %s", async (_name, failure) => {
  const good = { status: 200, body: { Parameters: Object.values(names).map((Name) => ({ Name, Value: "v" })) } };
  answers = [failure, failure, good];
  expect(await withParameters(environment())).toMatchObject({ STREAM_API_KEY: "v", STREAM_API_SECRET: "v" });
  expect(received).toHaveLength(3);
});

it("a failure is not kept: the next call reads again", async () => {
  answers = [{ status: 400, body: { __type: "AccessDeniedException" } }];
  await expect(withParameters(environment(), { deadlineMs: 100 })).rejects.toThrow();
  answers = [];
  expect(await withParameters(environment())).toHaveProperty("STREAM_API_KEY", "key");
});
