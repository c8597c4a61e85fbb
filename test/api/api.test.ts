import { beforeEach, describe, expect, test } from "vitest";
import { BridgeError, InvalidInputError } from "../../bridge-task/errors.ts";
import { createLogger, silentLogger } from "../../bridge-task/log.ts";
import { createApi } from "../../functions/api/api.ts";
import { maxBodyBytes } from "../../functions/api/body.ts";
import { LaunchError } from "../../functions/dispatch/dispatcher.ts";
import { atMs, pairOf, ScriptedDispatcher } from "./scripted-dispatcher.ts";

const apiKey = "the-key-of-this-test";
const root = "/calls/default/42/agents";
const user = { id: "lucy" };

let dispatcher: ScriptedDispatcher;
let lines: Record<string, unknown>[];
let api: ReturnType<typeof createApi>;

beforeEach(() => {
  dispatcher = new ScriptedDispatcher();
  lines = [];
  const logger = createLogger({ write: (line) => lines.push(JSON.parse(line)) });
  api = createApi({ dispatcher, apiKey, logger, agents: [{ name: "lucy", userId: "lucy" }], now: () => atMs });
});

interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

const send = async (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const content = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await api.request(path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...headers },
    ...(content === undefined ? {} : { body: content }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer["body"] };
};

describe("who may ask", () => {
  test.each([
    [{}],
    [{ authorization: "" }],
    [{ authorization: apiKey }],
    [{ authorization: "Bearer " }],
    [{ authorization: `Basic ${apiKey}` }],
    [{ authorization: `Bearer ${apiKey}x` }],
    [{ authorization: `Bearer ${apiKey.slice(1)}` }],
    [{ authorization: `Bearer ${apiKey} ${apiKey}` }],
  ])("Without the key nothing is done: %j", async (headers) => {
    const response = await api.request(root, { method: "POST", body: "{", headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      error: "unauthorized",
      message: expect.stringContaining("AGENTS_API_KEY"),
    });
    expect(text).not.toContain(apiKey);
    expect(dispatcher.calls).toEqual([]);
    expect(JSON.stringify(lines)).not.toContain(apiKey);
  });

  test("The scheme's case does not matter.", async () => {
    expect((await send("GET", root, undefined, { authorization: `bearer ${apiKey}` })).status).toBe(200);
  });

  test.each(["", " ", "two words", "a\nb", "schlüssel"])(
    "An API whose key nobody can send cannot be made: %j",
    (bad) => {
      const make = () => createApi({ dispatcher, apiKey: bad, logger: silentLogger, agents: [] });
      expect(make).toThrow(InvalidInputError);
      expect(make).toThrow("AGENTS_API_KEY");
    },
  );
});

describe("asking for an agent", () => {
  test("202 once it is launched, with what is known of it.", async () => {
    const { status, body } = await send("POST", root, { user, greeting: "Say hello." });
    expect(status).toBe(202);
    expect(body).toEqual({
      outcome: "launched",
      agent: { userId: "lucy", state: "launching", since: "2026-01-31T12:00:00.000Z" },
    });
    expect(dispatcher.calls).toEqual([
      {
        method: "ask",
        args: [
          {
            call: { type: "default", id: "42" },
            assignment: { user, greeting: "Say hello." },
            source: "post",
            eventAtMs: atMs,
          },
        ],
      },
    ]);
  });

  test("200 with the agent that is there.", async () => {
    const pair = pairOf({ state: "running", agent: "lucy", confirmedAtMs: atMs + 5_000 });
    dispatcher.script.ask = () => ({ outcome: "present", pair });
    const { status, body } = await send("POST", root, { agent: "lucy" });
    expect(status).toBe(200);
    expect(body).toEqual({
      outcome: "present",
      agent: { userId: "lucy", agent: "lucy", state: "running", since: "2026-01-31T12:00:05.000Z" },
    });
  });

  test("422 with each bad field; nothing is asked.", async () => {
    const { status, body } = await send("POST", root, { user, tools: [{ name: "a", url: "http://a" }], waitFor: 3 });
    expect(status).toBe(422);
    expect(body).toMatchObject({ error: "invalid", fields: [{ field: "tools[0].url" }, { field: "waitFor" }] });
    expect(body.message).toContain("waitFor is 3: must be a duration");
    expect(dispatcher.calls).toEqual([]);
  });

  test.each([
    [{ reason: "call_ended" as const }, 409, { error: "call_ended" }, null],
    [{ reason: "ignored" as const }, 409, { error: "not_now" }, null],
    [{ reason: "agents_per_call" as const }, 429, { error: "cap_reached", cap: "agents_per_call" }, "30"],
    [{ reason: "calls_at_once" as const }, 429, { error: "cap_reached", cap: "calls_at_once" }, "30"],
    [{ reason: "launches" as const, retryAfterSeconds: 412.3 }, 429, { cap: "launches" }, "413"],
  ])("%j: %i", async (refusal, status, body, retryAfter) => {
    dispatcher.script.ask = () => ({ outcome: "refused", ...refusal });
    const answer = await send("POST", root, { user });
    expect(answer).toMatchObject({ status, body });
    expect(answer.body.message).toEqual(expect.any(String));
    expect(answer.headers.get("retry-after")).toBe(retryAfter);
  });

  test.each([
    [new LaunchError("ECS did not answer"), 503, "launch_failed"],
    [new BridgeError("conflict", "changed by others", { retryable: true }), 503, "aws_failed"],
    [Object.assign(new Error("arn:aws:secret-detail"), { $metadata: {} }), 503, "aws_failed"],
    [new BridgeError("odd", "not retryable: secret-detail"), 500, "internal"],
    [new Error("secret-detail"), 500, "internal"],
  ])("%s: %i %s", async (error, status, code) => {
    dispatcher.script.ask = () => Promise.reject(error);
    const answer = await send("POST", root, { user });
    expect(answer).toMatchObject({ status, body: { error: code } });
    expect(JSON.stringify(answer.body)).not.toContain("secret-detail");
    expect(answer.headers.has("retry-after")).toBe(status === 503);
    expect(lines).toMatchObject([{ level: "error", status, callCid: "default:42", error: { message: error.message } }]);
  });
});

describe("bodies", () => {
  test.each([
    ["", "the body is empty: send a JSON object"],
    ["{", "the body is not JSON: send a JSON object in UTF-8"],
    ["user=lucy", "the body is not JSON: send a JSON object in UTF-8"],
  ])("%j is 400", async (content, message) => {
    expect(await send("POST", root, content)).toMatchObject({ status: 400, body: { error: "not_json", message } });
  });

  test("Bytes that are no UTF-8 are 400.", async () => {
    const body = Uint8Array.from([0x22, 0xff, 0x22]);
    const response = await api.request(root, { method: "POST", body, headers: { authorization: `Bearer ${apiKey}` } });
    expect(response.status).toBe(400);
  });

  test("Up to 256 kB are read; a longer one is 413, whether or not it says its length.", async () => {
    const filled = (bytes: number) =>
      JSON.stringify({ user, data: { a: "" } }).replace('""', `"${"a".repeat(bytes - 38)}"`);
    expect(filled(maxBodyBytes).length).toBe(maxBodyBytes);
    expect((await send("POST", root, filled(maxBodyBytes))).status).toBe(422);
    const tooLong = filled(maxBodyBytes + 1);
    expect(await send("POST", root, tooLong)).toMatchObject({ status: 413, body: { error: "too_large" } });
    expect((await send("POST", root, "{}", { "content-length": String(maxBodyBytes + 1) })).status).toBe(413);
  });
});

describe("routes", () => {
  test.each([
    ["PUT", root, "POST, GET"],
    ["DELETE", root, "POST, GET"],
    ["GET", `${root}/lucy`, "PATCH, DELETE"],
    ["GET", `${root}/lucy/messages`, "POST"],
    ["POST", `${root}/lucy/record`, "GET"],
  ])("%s %s: 405", async (method, path, allow) => {
    const { status, headers, body } = await send(method, path);
    expect({ status, allow: headers.get("allow") }).toEqual({ status: 405, allow });
    expect(body).toEqual({
      error: "wrong_method",
      message: `${method} is not possible here: use ${allow.replace(", ", " or ")}`,
    });
  });

  test.each(["/calls", "/calls/default", "/calls/default/42", "/calls/default/42/agent", `${root}/lucy/more`])(
    "%s: 404 that names the routes",
    async (path) => {
      const { status, body } = await send("POST", path, {});
      expect(status).toBe(404);
      expect(body).toMatchObject({
        error: "unknown_route",
        message: expect.stringContaining("/calls/:type/:id/agents"),
      });
    },
  );

  test("Ids that Stream would not take are 422.", async () => {
    for (const path of ["/calls/default/a%3Ab/agents", "/calls/default/a%2Fb/agents", "/calls/de%20fault/a/agents"]) {
      expect(await send("GET", path)).toMatchObject({ status: 422, body: { error: "invalid" } });
    }
    expect(dispatcher.calls).toEqual([]);
  });

  test("Ids come decoded.", async () => {
    await send("GET", "/calls/audio_room/a%40b/agents");
    expect(dispatcher.calls).toEqual([{ method: "list", args: ["audio_room:a@b"] }]);
  });

  test("Each request is one line, without what it said.", async () => {
    await send("POST", root, { user, greeting: "very private" });
    await send("PATCH", `${root}/lucy`, { greeting: "very private" });
    expect(lines).toMatchObject([
      {
        event: "api",
        level: "info",
        method: "POST",
        route: "/calls/:type/:id/agents",
        callCid: "default:42",
        status: 202,
      },
      {
        event: "api",
        level: "warn",
        method: "PATCH",
        userId: "lucy",
        status: 422,
        reason: "invalid",
        bad: ["greeting"],
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain("private");
  });
});

test("The list tells of each agent its state, since when, and why it ended.", async () => {
  dispatcher.script.list = [
    { userId: "anna", pair: pairOf({ state: "running", confirmedAtMs: atMs + 1, wish: { reason: "removed", atMs } }) },
    {
      userId: "bo",
      pair: pairOf({ state: "ended", end: { reason: "no_permission", atMs: atMs + 2, detail: "no send-audio" } }),
    },
    {
      userId: "cy",
      pair: pairOf({
        state: "ended",
        end: { reason: "gave_up", atMs },
        leaving: { launchId: "launch-1", sinceMs: atMs },
      }),
    },
    { userId: "di", pair: pairOf({ state: "ended", end: { reason: "idle", atMs } }) },
  ];
  const { status, body } = await send("GET", root);
  expect(status).toBe(200);
  expect(body).toEqual({
    agents: [
      { userId: "anna", state: "running", since: "2026-01-31T12:00:00.001Z", isLeaving: true },
      {
        userId: "bo",
        state: "ended",
        since: "2026-01-31T12:00:00.002Z",
        reason: "no_permission",
        detail: "no send-audio",
        advice: expect.stringContaining("send-audio"),
      },
      {
        userId: "cy",
        state: "ended",
        since: "2026-01-31T12:00:00.000Z",
        isLeaving: true,
        reason: "gave_up",
        advice: expect.stringContaining("log"),
      },
      { userId: "di", state: "ended", since: "2026-01-31T12:00:00.000Z", reason: "idle" },
    ],
  });
});

describe("a talking agent", () => {
  const agent = `${root}/lucy`;

  test("A change is answered with what was applied.", async () => {
    dispatcher.script.answer = {
      applied: ["session.instructions"],
      notApplied: [{ field: "session.voice", reason: "the voice cannot change once the agent has spoken." }],
    };
    const { status, body } = await send("PATCH", agent, { session: { instructions: "Be brief.", voice: "cedar" } });
    expect(status).toBe(200);
    expect(body).toEqual(dispatcher.script.answer);
    expect(dispatcher.calls).toEqual([
      {
        method: "send",
        args: ["default:42", "lucy", { kind: "update", session: { instructions: "Be brief.", voice: "cedar" } }],
      },
      { method: "answerTo", args: ["default:42", "lucy", "mail-1", 5_000] },
    ]);
  });

  test("A change that the agent has not answered in time is pending.", async () => {
    expect(await send("PATCH", agent, { data: {} })).toMatchObject({ status: 202, body: { pending: "mail-1" } });
  });

  test("A message is handed over, to be answered unless it says otherwise.", async () => {
    expect(await send("POST", `${agent}/messages`, { text: "Hello." })).toMatchObject({
      status: 202,
      body: { id: "mail-1" },
    });
    await send("POST", `${agent}/messages`, { text: "Note.", respond: false });
    expect(dispatcher.calls.map(({ args }) => args[2])).toEqual([
      { kind: "message", text: "Hello.", respond: true },
      { kind: "message", text: "Note.", respond: false },
    ]);
  });

  test("Who is not there gets 404, with the way to bring it.", async () => {
    dispatcher.script.send = { outcome: "not_there" };
    dispatcher.script.dismiss = "not_there";
    for (const answer of [
      await send("PATCH", agent, { data: {} }),
      await send("POST", `${agent}/messages`, { text: "Hello." }),
      await send("DELETE", agent),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { error: "not_there" } });
      expect(answer.body.message).toContain("POST /calls/default/42/agents");
    }
  });

  test("Where it may have arrived and nobody knows, the answer does not call a repetition safe.", async () => {
    dispatcher.send = () => Promise.reject(new BridgeError("table_failed", "no answer", { retryable: true }));
    const { status, body } = await send("POST", `${agent}/messages`, { text: "Hello." });
    expect({ status, error: body.error }).toEqual({ status: 503, error: "aws_failed" });
    expect(body.message).toContain("a message may then be heard twice");
  });

  test("A full mailbox is 429.", async () => {
    dispatcher.script.send = { outcome: "mailbox_full" };
    const { status, headers, body } = await send("POST", `${agent}/messages`, { text: "Hello." });
    expect({ status, error: body.error, after: headers.get("retry-after") }).toEqual({
      status: 429,
      error: "mailbox_full",
      after: "2",
    });
  });

  test("It is sent away.", async () => {
    expect(await send("DELETE", agent)).toMatchObject({ status: 202, body: { outcome: "leaving" } });
    expect(dispatcher.calls).toEqual([{ method: "dismiss", args: ["default:42", "lucy"] }]);
  });

  test("Its record is 404 until there is one.", async () => {
    expect(await send("GET", `${agent}/record`)).toMatchObject({ status: 404, body: { error: "no_record" } });
    dispatcher.script.record = { reason: "idle" };
    expect(await send("GET", `${agent}/record`)).toMatchObject({ status: 200, body: { reason: "idle" } });
  });
});
