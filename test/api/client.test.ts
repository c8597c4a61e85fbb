import { beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { createApi } from "../../functions/api/api.ts";
import { AgentsApiError, type AgentsClient, createAgentsClient } from "../../functions/api/client.ts";
import { listen } from "./listen.ts";
import { atMs, pairOf, ScriptedDispatcher } from "./scripted-dispatcher.ts";

const key = "the-key-of-this-test";
const call = { type: "audio_room", id: "a@b.c" };
const cid = "audio_room:a@b.c";
const user = { id: "lucy" };

/** The error that a promise rejects with. */
const errorOf = async (work: Promise<unknown>): Promise<AgentsApiError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof AgentsApiError) return error;
  throw new Error(`expected an AgentsApiError, got ${String(error)}`);
};

describe("with the API as it is deployed", () => {
  let dispatcher: ScriptedDispatcher;
  let agents: AgentsClient;
  let url: string;

  beforeEach(async () => {
    dispatcher = new ScriptedDispatcher();
    const api = createApi({ dispatcher, apiKey: key, logger: silentLogger, agents: [], now: () => atMs });
    url = await listen((request) => api.fetch(request));
    agents = createAgentsClient({ url, key });
  });

  test("An agent is put into a call.", async () => {
    expect(await agents.join(call, { user, idleTimeout: "1 minute" })).toEqual({
      outcome: "launched",
      agent: { userId: "lucy", state: "launching", since: "2026-01-31T12:00:00.000Z" },
    });
    expect(dispatcher.calls).toMatchObject([{ method: "ask", args: [{ call, assignment: { user } }] }]);
  });

  test("Those that are there are listed.", async () => {
    dispatcher.script.list = [{ userId: "lucy", pair: pairOf() }];
    expect(await agents.list(call)).toMatchObject([{ userId: "lucy", state: "launching" }]);
  });

  test("One is changed, at once or later.", async () => {
    expect(await agents.update(call, "lucy", { data: { a: 1 } })).toEqual({ pending: "mail-1" });
    dispatcher.script.answer = { applied: ["data"], notApplied: [] };
    expect(await agents.update(call, "lucy", { data: { a: 1 } })).toEqual(dispatcher.script.answer);
  });

  test("It is told something.", async () => {
    await agents.say(call, "lucy", "Hello.");
    await agents.say(call, "lucy", "Note.", { respond: false });
    expect(dispatcher.calls.map(({ args }) => args)).toEqual([
      [cid, "lucy", { kind: "message", text: "Hello.", respond: true }],
      [cid, "lucy", { kind: "message", text: "Note.", respond: false }],
    ]);
  });

  test("It is sent away; that nobody was there is no error.", async () => {
    expect(await agents.leave(call, "lucy")).toBe("leaving");
    dispatcher.script.dismiss = "not_there";
    expect(await agents.leave(call, "lucy")).toBe("not_there");
  });

  test("Its record is undefined until there is one.", async () => {
    expect(await agents.record(call, "lucy")).toBeUndefined();
    dispatcher.script.record = { reason: "idle" };
    expect(await agents.record(call, "lucy")).toEqual({ reason: "idle" });
  });

  test("A request that is refused says which fields to mend.", async () => {
    const error = await errorOf(agents.join(call, { user: { id: "a b" } }));
    expect(error).toMatchObject({ name: "AgentsApiError", status: 422, code: "invalid", retryable: false });
    expect(error.fields).toMatchObject([{ field: "user.id", problem: 'is "a b"' }]);
    expect(error.message).toContain("user.id");
  });

  test("A cap says when to come again.", async () => {
    dispatcher.script.ask = () => ({ outcome: "refused", reason: "calls_at_once" });
    expect(await errorOf(agents.join(call, { user }))).toMatchObject({
      status: 429,
      code: "cap_reached",
      retryable: true,
      retryAfterSeconds: 30,
    });
  });

  test("Another key is not retried.", async () => {
    const others = createAgentsClient({ url, key: "another" });
    expect(await errorOf(others.list(call))).toMatchObject({ status: 401, code: "unauthorized", retryable: false });
  });

  test("The address may end in a slash, or be that of the webhook.", async () => {
    for (const address of [`${url}/`, `${url}/webhooks/stream`]) {
      expect(await createAgentsClient({ url: address, key }).list(call)).toEqual([]);
    }
  });

  test("An id cannot reach another route.", async () => {
    const error = await errorOf(agents.list({ type: "default", id: "1/agents/x" }));
    expect(error).toMatchObject({ status: 422, code: "invalid" });
  });
});

describe("when things are not as they should be", () => {
  test("Nobody listens: unreachable, may be tried again.", async () => {
    const agents = createAgentsClient({ url: "http://127.0.0.1:9", key });
    expect(await errorOf(agents.list(call))).toMatchObject({ status: 0, code: "unreachable", retryable: true });
  });

  test("No answer in time: timeout, may be tried again; so if only the answer's end is missing.", async () => {
    const answers = [() => new Promise<Response>(() => undefined), () => new Response(new ReadableStream())];
    for (const answer of answers) {
      const agents = createAgentsClient({ url: await listen(answer), key, timeoutMs: 50 });
      const error = await errorOf(agents.list(call));
      expect(error).toMatchObject({ status: 0, code: "timeout", retryable: true });
      expect(error.message).toContain("within 50 ms");
    }
  });

  test.each([
    [200, "<html>", false],
    [200, "null", false],
    [404, "Not Found", false],
    [502, '{"message":"Bad Gateway"}', true],
  ])("Somebody else answers %i %s: bad_answer.", async (status, text, retryable) => {
    const agents = createAgentsClient({ url: await listen(() => new Response(text, { status })), key });
    expect(await errorOf(agents.list(call))).toMatchObject({ status, code: "bad_answer", retryable });
  });

  test.each([
    [{ url: undefined, key }, "AGENTS_URL"],
    [{ url: "example.com", key }, "AGENTS_URL"],
    [{ url: "https://example.com", key: undefined }, "AGENTS_KEY"],
    [{ url: "https://example.com", key: "" }, "AGENTS_KEY"],
  ])("A missing setting is named when the client is made: %j", (options, name) => {
    expect(() => createAgentsClient(options)).toThrow(name);
  });

  test("A redirect is not followed: a POST would come out of it as a GET, which asks for something else.", async () => {
    const url = await listen(({ method, url: asked }) =>
      asked.includes("/old/")
        ? new Response(null, { status: 301, headers: { location: asked.replace("/old/", "/new/") } })
        : Response.json({ agents: [], method }),
    );
    const error = await errorOf(createAgentsClient({ url: `${url}/old`, key }).join(call, { user }));
    expect(error).toMatchObject({ status: 301, code: "bad_answer", retryable: false });
    expect(error.message).toMatch(/redirect.*final address/);
  });

  test.each(["secret\nkey", "secret key", "sécret–key"])(
    "A key that no header can carry stays out of the message: %j",
    (bad) => {
      const make = () => createAgentsClient({ url: "https://example.com", key: bad });
      expect(make).toThrow(/AGENTS_KEY/);
      expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining(bad) }));
    },
  );

  test("The end of a line, as a file with the key has it, does no harm.", async () => {
    const api = createApi({ dispatcher: new ScriptedDispatcher(), apiKey: key, logger: silentLogger, agents: [] });
    const url = await listen((request) => api.fetch(request));
    expect(await createAgentsClient({ url, key: `${key}\n` }).list(call)).toEqual([]);
  });

  test.each([
    [{ url: "https://ann:secret@example.com", key }, "url"],
    [{ url: "https://example.com", key, timeoutMs: 0 }, "timeoutMs"],
    [{ url: "https://example.com", key, timeoutMs: Number.NaN }, "timeoutMs"],
    [{ url: "https://example.com", key, timeoutMs: Number.POSITIVE_INFINITY }, "timeoutMs"],
  ])("An option that cannot be used is named when the client is made: %j", (options, name) => {
    const make = () => createAgentsClient(options);
    expect(make).toThrow(name);
    expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining("secret") }));
  });

  test.each([
    [{ type: "default", id: undefined }, "lucy", "call.id"],
    [{ type: "", id: "42" }, "lucy", "call.type"],
    [call, undefined, "userId"],
    [call, "..", "userId"],
    [call, "\ud800", "userId"],
  ])("What names nobody is told before anything is sent: %j %j", async (address, userId, name) => {
    const asked: unknown[] = [];
    const fetchWith: typeof fetch = async (input) => {
      asked.push(input);
      return Response.json({ outcome: "leaving" });
    };
    const agents = createAgentsClient({ url: "https://example.com", key, fetch: fetchWith });
    const error = await errorOf(agents.leave(address as typeof call, userId as string));
    expect(error).toMatchObject({ status: 0, code: "bad_address", retryable: false });
    expect(error.message).toContain(name);
    expect(asked).toEqual([]);
  });

  test("What is no JSON is not tried again.", async () => {
    const agents = createAgentsClient({ url: "http://127.0.0.1:9", key });
    const error = await errorOf(agents.join(call, { user, data: { count: 1n } }));
    expect(error).toMatchObject({ status: 0, code: "not_json", retryable: false });
  });

  test("It uses the fetch that it is given.", async () => {
    const asked: [unknown, RequestInit | undefined][] = [];
    const fetchWith: typeof fetch = async (input, init) => {
      asked.push([input, init]);
      return Response.json({ agents: [] });
    };
    await createAgentsClient({ url: "https://example.com/base", key, fetch: fetchWith }).list(call);
    expect(asked).toMatchObject([
      [
        "https://example.com/base/calls/audio_room/a%40b.c/agents",
        { method: "GET", headers: { authorization: `Bearer ${key}` } },
      ],
    ]);
  });
});
