import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { createApp } from "../../functions/app.ts";
import { type Candidate, candidates } from "../../functions/dispatch/agents.ts";
import { type AskOutcome, type AskRequest, LaunchError, TableError } from "../../functions/dispatch/dispatcher.ts";
import { maxBodyBytes } from "../../functions/envelope.ts";
import { askOnly, somePair } from "./ask-only.ts";
import { apiKey, apiSecret, callCreated, delivery, eventAtMs, sign } from "./events.ts";

let lines: string[] = [];
let asked: AskRequest[] = [];
let answer: (request: AskRequest) => Promise<AskOutcome>;

const launched: AskOutcome = { outcome: "launched", pair: somePair, taskArn: "arn:task/1" };

beforeEach(() => {
  lines = [];
  asked = [];
  answer = async () => launched;
});

const post = async (
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
  { agents = candidates }: { agents?: readonly Candidate[] } = {},
) => {
  const app = createApp({
    streamApiKey: apiKey,
    streamApiSecret: apiSecret,
    agentsApiKey: "agents-key",
    agents,
    callTypes: ["default"],
    dispatcher: askOnly((request) => {
      asked.push(request);
      return answer(request);
    }),
    logger: createLogger({ write: (line) => lines.push(line) }),
    now: () => eventAtMs,
  });
  const response = await app.request("/webhooks/stream", { method: "POST", headers, body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const send = (options: Parameters<typeof delivery>) => {
  const { headers, body } = delivery(...options);
  return post(headers, body);
};

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

describe("POST /webhooks/stream answers", () => {
  it("202 and launches what was signed", async () => {
    expect(await send([callCreated()])).toEqual({ status: 202, body: { outcome: "launched" } });
    expect(asked).toHaveLength(1);
  });

  it("202 to a gzip body, with or without Content-Encoding", async () => {
    const { headers, body } = delivery(callCreated(), { gzip: true });
    const { "content-encoding": _, ...bare } = headers;
    expect((await post(headers, body)).status).toBe(202);
    expect((await post(bare, body)).status).toBe(202);
  });

  it("200 with the reason to what it does not act on", async () => {
    expect(await send([{ ...callCreated(), type: "call.updated" }])).toEqual({
      status: 200,
      body: { outcome: "ignored", reason: "type" },
    });
    expect((await send([callCreated({}, eventAtMs - 16 * 60_000)])).body).toEqual({
      outcome: "ignored",
      reason: "stale",
    });
    expect(asked).toHaveLength(0);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["of another secret", sign(JSON.stringify(callCreated()), "other")],
    ["in capitals", sign(JSON.stringify(callCreated())).toUpperCase()],
    ["cut off", sign(JSON.stringify(callCreated())).slice(0, 62)],
    ["longer", `${sign(JSON.stringify(callCreated()))}00`],
  ])("401 when the signature is %s", async (_name, signature) => {
    const { headers, body } = delivery(callCreated());
    const { "x-signature": _, ...unsigned } = headers;
    const answer = await post(signature === undefined ? unsigned : { ...unsigned, "x-signature": signature }, body);
    expect(answer).toEqual({ status: 401, body: { outcome: "refused", reason: "bad_signature" } });
  });

  it("401 saying so when the webhook belongs to another Stream app", async () => {
    const { headers, body } = delivery(callCreated(), { secret: "other" });
    expect((await post({ ...headers, "x-api-key": "other" }, body)).body.reason).toBe("other_api_key");
  });

  it("401 to a gzip body whose signature is over the compressed bytes", async () => {
    const { headers, body } = delivery(callCreated(), { gzip: true });
    expect((await post({ ...headers, "x-signature": sign(body) }, body)).status).toBe(401);
  });

  it.each([
    ["not_json", "{"],
    ["not_json", ""],
    ["not_an_event", "null"],
    ["not_an_event", "[]"],
    ["not_an_event", '"call.created"'],
    ["not_an_event", "{}"],
    ["not_an_event", '{"type":7}'],
  ])("400 %s to the signed body %j", async (reason, body) => {
    expect(await send([body])).toEqual({ status: 400, body: { outcome: "refused", reason } });
  });

  it("400 to signed bytes that are no UTF-8, and to gzip that is cut off", async () => {
    const notUtf8 = new Uint8Array([0x7b, 0xff, 0x7d]);
    expect((await post({ "x-signature": sign(notUtf8) }, notUtf8)).body.reason).toBe("not_json");
    const { headers, body } = delivery(callCreated(), { gzip: true });
    expect(await post(headers, body.slice(0, body.length - 12))).toMatchObject({
      status: 400,
      body: { reason: "bad_gzip" },
    });
  });

  it("413 to more than 1 MB as received, and to a gzip bomb", async () => {
    const large = bytes(`"${"a".repeat(maxBodyBytes)}"`);
    expect((await post({ "x-signature": sign(large) }, large)).status).toBe(413);
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200 * maxBodyBytes)));
    expect(bomb.byteLength).toBeLessThan(maxBodyBytes);
    expect(await post({}, bomb)).toEqual({ status: 413, body: { outcome: "refused", reason: "too_large" } });
  });

  it("202 to an event of exactly 1 MB", async () => {
    const bare = JSON.stringify({ ...callCreated(), padding: "" });
    const padded = JSON.stringify({ ...callCreated(), padding: "x".repeat(maxBodyBytes - bare.length) });
    expect((await send([padded, { gzip: true }])).status).toBe(202);
  });

  it("200 when the agent is there already, and when a cap keeps it out, saying which", async () => {
    answer = async () => ({ ...launched, outcome: "present" });
    expect(await send([callCreated()])).toEqual({ status: 200, body: { outcome: "present" } });
    answer = async () => ({ outcome: "refused", reason: "calls_at_once" });
    expect(await send([callCreated()])).toEqual({ status: 200, body: { outcome: "refused", reason: "calls_at_once" } });
  });

  it.each([new LaunchError("ECS refused the task"), new TableError("a read", new Error("no answer"))])(
    "503 when AWS fails or refuses, so that Stream delivers again: $code",
    async (error) => {
      answer = () => Promise.reject(error);
      expect(await send([callCreated()])).toEqual({ status: 503, body: { outcome: "failed", reason: error.code } });
    },
  );

  it.each([
    [
      "throws",
      () => {
        throw new Error("no database");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no database"))],
  ])("503 when an agent's joins %s", async (_name, joins) => {
    const { headers, body } = delivery(callCreated());
    const failing = await post(headers, body, { agents: [{ name: "max", userId: "max", joins }] });
    expect(failing).toEqual({ status: 503, body: { outcome: "failed", reason: "joins_failed" } });
    expect(lines.join()).toContain("no database");
  });

  it("500 to what nobody foresaw", async () => {
    answer = () => Promise.reject(new TypeError("bug"));
    expect(await send([callCreated()])).toEqual({ status: 500, body: { outcome: "failed", reason: "internal" } });
  });
});

describe("a delivery that was tampered with launches nothing", () => {
  const { headers, body } = delivery(callCreated());
  const signature = sign(body);

  it("whichever byte of the body changed", async () => {
    const mutation = fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(mutation, async ([index, mask]) => {
        const mutated = body.map((byte, at) => (at === index ? byte ^ mask : byte));
        expect((await post(headers, mutated)).status).toBeGreaterThanOrEqual(400);
        expect(asked).toHaveLength(0);
      }),
    );
  });

  it("whatever the signature became", async () => {
    const mutated = fc
      .tuple(fc.nat(63), fc.constantFrom(..."0123456789abcdefABCDEFg "))
      .map(([index, letter]) => signature.slice(0, index) + letter + signature.slice(index + 1))
      .filter((text) => text !== signature);
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        expect((await post({ ...headers, "x-signature": text }, body)).status).toBe(401);
        expect(asked).toHaveLength(0);
      }),
    );
  });

  it("whatever bytes came: an answer each, and no launch without the secret", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (random, gzip) => {
        const sent = new Uint8Array(gzip ? [0x1f, 0x8b, ...random] : random);
        expect((await post(headers, sent)).status).toBeGreaterThanOrEqual(400);
        expect(asked).toHaveLength(0);
      }),
    );
  });
});

describe("the log", () => {
  it("has one line per request, with call, type, outcome, webhook id, attempt and duration", async () => {
    await send([callCreated(), { webhookId: "w-7", attempt: 2 }]);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "info",
      event: "webhook",
      outcome: "launched",
      status: 202,
      callCid: "default:demo",
      eventType: "call.created",
      agent: "lucy",
      agentUserId: "lucy",
      launchId: somePair.launchId,
      taskArn: "arn:task/1",
      webhookId: "w-7",
      attempt: "2",
      durationMs: expect.any(Number),
    });
  });

  it("has one line for each refusal and failure too, and never the secret or the body", async () => {
    await post({ "x-signature": "0".repeat(64) }, bytes("pii-of-a-caller"));
    answer = () => Promise.reject(new LaunchError("refused", { data: { reason: "no room" } }));
    await send([callCreated({ custom: { note: "pii-of-a-caller" } })]);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
    expect(lines.join()).not.toMatch(new RegExp(`${apiSecret}|pii-of-a-caller|${sign(JSON.stringify(callCreated()))}`));
  });
});
