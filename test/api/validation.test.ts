import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { legacyKeys, sessionKeys } from "../../bridge-task/realtime/session/keys.ts";
import { editDistance, nearest } from "../../functions/api/validation/nearest.ts";
import { checkPath } from "../../functions/api/validation/path.ts";
import type { Checked } from "../../functions/api/validation/problems.ts";
import { maxStoredBytes, requestChecks } from "../../functions/api/validation/requests.ts";
import { maxInstructionsBytes, sessionEntries } from "../../functions/api/validation/session.ts";

const agents = [{ name: "lucy", userId: "lucy-user" }];
const options = { agents, functionTools: ["submit_support_ticket"], allowLoopbackUrls: false };
const checks = requestChecks(options);
const user = { id: "lucy" };

/** The fields that are complained about, with problem and mend in one line each. */
const complaintsIn = (checked: Checked<unknown>): Record<string, string> =>
  checked.ok
    ? {}
    : Object.fromEntries(checked.fields.map(({ field, problem, mend }) => [field, `${problem}; ${mend}`]));

const complaints = (body: unknown) => complaintsIn(checks.join(body));

describe("a request for an agent", () => {
  test("Everything that a definition can say is taken as it stands.", () => {
    const body = {
      user: { id: "anna.b@example-1", name: "Anna", image: "https://example.com/a.png", custom: { team: "support" } },
      model: "gpt-realtime-2.1",
      session: {
        instructions: "You are Anna.",
        voice: "marin",
        audio: { input: { turn_detection: null, transcription: { model: "gpt-transcribe" } }, output: { speed: 1.1 } },
        tools: [{ type: "mcp", server_label: "docs", server_url: "https://example.com/mcp" }],
        tool_choice: "auto",
        max_output_tokens: "inf",
      },
      greeting: "Greet the caller.",
      tools: [
        "submit_support_ticket",
        "end_call",
        "leave",
        {
          name: "find_order",
          description: "Finds an order.",
          parameters: { type: "object", properties: { number: { type: "string" } } },
          url: "https://example.com/tools/find-order",
          timeout: "10 seconds",
          speaking: "One moment.",
        },
        { type: "mcp", server_label: "shop", server_url: "https://example.com/mcp", require_approval: "never" },
      ],
      join: "first-person",
      waitFor: "2 minutes",
      idleTimeout: "15 seconds",
      onEmpty: "end-call",
      maxDuration: "1 hour",
      inCall: { captions: true, tools: false },
      events: { url: "https://example.com/events" },
      data: { customer: { id: 7 } },
    };
    expect(checks.join(body)).toEqual({ ok: true, value: body });
  });

  test("A user is all that is needed; a definition brings its own, and may be laid over.", () => {
    expect(checks.join({ user })).toEqual({ ok: true, value: { user } });
    expect(checks.join({ agent: "lucy" })).toEqual({ ok: true, value: { agent: "lucy", user: { id: "lucy-user" } } });
    expect(checks.join({ agent: "lucy", user: { name: "Lu" } })).toEqual({
      ok: true,
      value: { agent: "lucy", user: { id: "lucy-user", name: "Lu" } },
    });
    expect(checks.join({ agent: "lucy", user })).toMatchObject({ value: { user } });
  });

  test("Each bad field is named, with what is wrong and what to write.", () => {
    const found = complaints({
      user: { id: "a/b" },
      greeting: 5,
      join: "later",
      waitFor: "2 min",
      onEmpty: null,
      tools: ["end_call", { name: "find order", url: "http://example.com" }, 7],
      session: { instructions: ["no"], voice: 3 },
      events: {},
      inCall: { captions: "yes" },
    });
    expect(Object.keys(found).toSorted()).toEqual([
      "events.url",
      "greeting",
      "inCall.captions",
      "join",
      "onEmpty",
      "session.instructions",
      "session.voice",
      "tools[1].name",
      "tools[1].url",
      "tools[2]",
      "user.id",
      "waitFor",
    ]);
    expect(found["user.id"]).toBe(
      'is "a/b"; id must be 1 to 255 letters, digits or any of _ @ . ! ~ -, and not . or ..',
    );
    expect(found.waitFor).toBe(
      'is "2 min"; must be a duration such as "30 seconds", "2 minutes" or "4 hours", and at most 596 hours',
    );
    expect(found["events.url"]).toMatch(/^is missing; must be \{ "url": "https:/);
    expect(found["session.instructions"]).toBe("is a list; must be a text");
  });

  test.each([
    [undefined, "", "is missing; the body must be a JSON object"],
    [[], "", "is a list; the body must be a JSON object"],
    ["lucy", "", 'is "lucy"; the body must be a JSON object'],
    [{}, "user", 'is missing; must be the Stream user that the agent is: { "id": "lucy", "name": "Lucy" }'],
    [{ user: {} }, "user.id", "is missing; id must be 1 to 255 letters, digits or any of _ @ . ! ~ -, and not . or .."],
    [{ agent: "lucie" }, "agent", 'is "lucie"; must be an agent that has a definition (lucy); or leave it out'],
    [{ user, instructions: "Hi" }, "instructions", /write it as session.instructions: \{ "session"/],
    [{ user, name: "Lucy" }, "name", /write it as user.name$/],
    [{ user, session: { model: "x" } }, "session.model", /write it as model beside session/],
    [{ user: { ...user, role: "admin" } }, "user.role", /^is not a field that is known; the nearest field/],
    [{ user, idle_timeout: "15 seconds" }, "idle_timeout", /the nearest field that is known is "idleTimeout"/],
    [{ user, tool: [] }, "tool", /the nearest field that is known is "tools"/],
    [{ user, session: { instrutcions: "" } }, "session.instrutcions", /known is "instructions"/],
    [{ user, session: { audio: { inputs: {} } } }, "session.audio.inputs", /known is "input"/],
  ])("%j: %s %s", (body, field, complaint) => {
    expect(complaints(body)).toEqual({
      [field]: typeof complaint === "string" ? complaint : expect.stringMatching(complaint),
    });
  });

  test("Every field that nobody knows is named, wherever it stands.", () => {
    const found = complaints({ user: { ...user, role: "admin", x: 1 }, foo: 1, bar: 2, session: { baz: 1, qux: 2 } });
    expect(Object.keys(found).toSorted()).toEqual(["bar", "foo", "session.baz", "session.qux", "user.role", "user.x"]);
    const inherited = JSON.parse('{"user":{"id":"lucy"},"__proto__":{"agent":"lucy"},"constructor":1,"toString":2}');
    expect(Object.keys(complaints(inherited))).toEqual(["__proto__", "constructor", "toString"]);
  });

  test("However much is wrong, the answer is short.", () => {
    const many = <T>(make: (index: number) => T): T[] => Array.from({ length: 40_000 }, (_, index) => make(index));
    const bodies = [
      { user, tools: many((index) => `a${index}`) },
      { user, tools: many(() => "a") },
      { user, tools: many(() => ({})) },
      { user, session: { tools: many(() => 1), include: many(() => 1), modalities: many(() => 1) } },
      { user, ...Object.fromEntries(many((index) => [`k${index}`, 1])) },
      { user, ["k".repeat(200_000)]: 1 },
    ];
    for (const body of bodies) {
      expect(JSON.stringify(checks.join(body)).length).toBeLessThan(20_000);
    }
    expect(complaints(bodies[0])).toEqual({ tools: "has 40000 entries; at most 128 are taken" });
  });

  test("Numbers that JSON cannot say again are refused.", () => {
    expect(complaints(JSON.parse('{"user":{"id":"lucy"},"session":{"speed":1e999}}'))).toHaveProperty([
      "session.speed",
    ]);
  });

  test("A duration that is too long is told how long it may be.", () => {
    expect(complaints({ user, maxDuration: "900 hours" }).maxDuration).toMatch(/^is "900 hours"; .*at most 596 hours/);
  });

  test("Instructions of 48 kB are taken; of a byte more they are not, whatever their characters are.", () => {
    const withInstructions = (instructions: string) => complaints({ user, session: { instructions } });
    expect(withInstructions("a".repeat(maxInstructionsBytes))).toEqual({});
    expect(withInstructions("ü".repeat(maxInstructionsBytes / 2))).toEqual({});
    expect(withInstructions(`a${"ü".repeat(maxInstructionsBytes / 2)}`)).toEqual({
      "session.instructions": "is 49153 bytes long; at most 49152 bytes of UTF-8 are taken",
    });
  });

  test("What would not fit into the stored claim, or is nested without end, is refused.", () => {
    expect(complaints({ user, data: { text: "x".repeat(maxStoredBytes) } })[""]).toMatch(/^is \d+ bytes long as JSON/);
    const nested = JSON.parse(`{"user":{"id":"lucy"},"data":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`);
    expect(complaints(nested)[""]).toBe("is nested deeper than 64; flatten it");
  });
});

describe("tools", () => {
  const ofTools = (...tools: unknown[]) => complaints({ user, tools });
  const url = "https://example.com/tool";

  test.each([
    [
      "submit_suport_ticket",
      "tools[0]",
      /"submit_support_ticket" comes nearest; there are submit_support_ticket, end_call, leave/,
    ],
    ["has space", "tools[0]", /must be a name of 1 to 64/],
    [{ name: "leave", url }, "tools[0].name", /built-in tool/],
    [{ name: "a", url, parameters: { type: "string" } }, "tools[0].parameters", /"type" must be "object"/],
    [{ name: "a", url, timeoutMs: 5 }, "tools[0].timeoutMs", /write it as timeout: "30 seconds"/],
    [{ name: "a", url, type: "function" }, "tools[0].type", /only MCP servers have a type/],
    [{ name: "a" }, "tools[0].url", /^is missing/],
    [{ type: "mcp", server_url: url }, "tools[0].server_label", /^is missing/],
    [{ type: "mcp", server_label: "x" }, "tools[0]", /must say where the server is/],
    [{ type: "mcp", server_label: "x", server_url: "ftp://a" }, "tools[0].server_url", /must begin with https/],
  ])("%j: %s", (tool, field, complaint) => {
    expect(ofTools(tool)).toEqual({ [field]: expect.stringMatching(complaint) });
  });

  test("Names that appear twice are told apart by where they stand.", () => {
    expect(ofTools("end_call", { name: "a", url }, "end_call", { name: "a", url })).toEqual({
      "tools[2]": 'is "end_call" again; give each tool a name of its own',
      "tools[3].name": 'is "a" again; give each tool a name of its own',
    });
  });

  test("Where the deployed functions are not known, any name passes.", () => {
    const { join } = requestChecks({ ...options, functionTools: undefined });
    expect(join({ user, tools: ["whatever"] }).ok).toBe(true);
  });

  test("A name may be that of a tool in the agent's own definition, which is not known here.", () => {
    expect(complaints({ agent: "lucy", tools: ["get_call_details"] })).toEqual({});
    expect(complaintsIn(checks.update({ tools: ["get_call_details"] }))).toEqual({});
    expect(complaints({ agent: "lucy", tools: ["get call details"] })).toHaveProperty(["tools[0]"]);
  });

  test("A function in the session's tools has nobody to answer it.", () => {
    const found = complaints({ user, session: { tools: [{ type: "function", name: "a" }] } });
    expect(found["session.tools[0]"]).toMatch(/name them, or give them with a url/);
  });
});

describe("addresses that we will call", () => {
  const isTaken = (url: string, allowLoopbackUrls = false): boolean =>
    requestChecks({ ...options, allowLoopbackUrls }).join({ user, events: { url } }).ok;

  test.each(["https://example.com", "https://example.com:8443/a?b=c", "https://tools.example.com/a"])("%s", (url) => {
    expect(isTaken(url)).toBe(true);
  });

  test.each([
    "http://example.com",
    "https://user:password@example.com",
    "ftp://example.com",
    "//example.com",
    "example.com",
    "",
    "javascript:alert(1)",
    "file:///etc/passwd",
  ])("%s is refused, in the local cloud too", (url) => {
    expect(isTaken(url)).toBe(false);
    expect(isTaken(url, true)).toBe(false);
  });

  test("One that is longer than 2048 characters is refused.", () => {
    expect(isTaken(`https://example.com/${"a".repeat(2_048)}`)).toBe(false);
  });

  test.each(["http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:1/a"])(
    "%s in the local cloud only",
    (url) => {
      expect(isTaken(url)).toBe(false);
      expect(isTaken(url, true)).toBe(true);
    },
  );

  test.each(["http://127.0.0.1.example.com/a", "http://localhost.example.com/", "http://169.254.170.2/"])(
    "%s is not loopback",
    (url) => {
      expect(isTaken(url, true)).toBe(false);
    },
  );
});

describe("a change of a talking agent", () => {
  test("Session keys that nobody knows are left to the agent, which tells what it could not apply.", () => {
    const body = { session: { instructions: "Be brief.", later_invented: 1 }, data: { a: 1 } };
    expect(checks.update(body)).toEqual({ ok: true, value: body });
  });

  test("Types are checked, and what cannot be changed is named.", () => {
    expect(complaintsIn(checks.update({}))[""]).toMatch(/^changes nothing/);
    expect(complaintsIn(checks.update({ session: { instructions: 1 } }))["session.instructions"]).toMatch(/^is 1/);
    expect(complaintsIn(checks.update({ greeting: "x" })).greeting).toMatch(/a message: POST/);
    expect(complaintsIn(checks.update({ user })).user).toMatch(/nearest field/);
    expect(complaintsIn(checks.update({ tools: ["leave", "leave"] }))["tools[1]"]).toMatch(/again/);
  });
});

test("A message has a text, and may ask for an answer or none.", () => {
  expect(checks.message({ text: "Hello.", respond: false }).ok).toBe(true);
  expect(complaintsIn(checks.message({ text: "" })).text).toBe('is ""; must be a text');
  expect(complaintsIn(checks.message({ text: "a", respond: "no" })).respond).toMatch(/must be true or false/);
  expect(complaintsIn(checks.message({ text: "a".repeat(32_769) })).text).toMatch(/at most 32768 bytes/);
});

test("The user that a definition brings is counted among what is kept.", () => {
  const filler = maxStoredBytes - JSON.stringify({ agent: "lucy", data: { a: "" } }).length;
  expect(complaints({ agent: "lucy", data: { a: "x".repeat(filler) } })[""]).toMatch(/bytes long as JSON/);
});

test("Ids that would part a call's type from its id elsewhere are refused.", () => {
  expect(checkPath({ type: "default", id: "a:b" })).toMatchObject({ ok: false, fields: [{ field: "id" }] });
  expect(checkPath({ type: "default", id: "42", userId: "a b" })).toMatchObject({ fields: [{ field: "userId" }] });
  expect(checkPath({ type: "audio_room", id: "a.b~c!d@e-f" }).ok).toBe(true);
});

test("Ids that a path cannot hold are refused: who bears one could not be sent away.", () => {
  for (const id of [".", ".."]) expect(complaints({ user: { id } })).toHaveProperty(["user.id"]);
  for (const id of ["...", ".a", "a."]) expect(complaints({ user: { id } })).toEqual({});
});

test("The session keys that are known here are those of the bridge.", () => {
  const ofBridge = [...Object.keys(sessionKeys), ...legacyKeys, "temperature"].filter((key) => key !== "model");
  expect(Object.keys(sessionEntries).toSorted()).toEqual([...new Set(ofBridge)].toSorted());
});

describe("whatever is sent", () => {
  test("is taken or told what is wrong with it, and never throws.", () => {
    const key = fc.constantFrom(
      "user",
      "agent",
      "session",
      "tools",
      "events",
      "data",
      "__proto__",
      "constructor",
      "id",
      "url",
      "x",
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(fc.jsonValue(), fc.dictionary(key, tie("any")), fc.array(tie("any"), { maxLength: 3 })),
    })).any;
    fc.assert(
      fc.property(value, (body) => {
        for (const check of [checks.join, checks.update, checks.message]) {
          const checked = check(body);
          if (checked.ok) continue;
          expect(checked.fields.length).toBeGreaterThan(0);
          expect(checked.fields.length).toBeLessThanOrEqual(40);
          for (const { problem, mend } of checked.fields) expect([problem, mend]).not.toContain("");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("A name that is near is found: the distance is a metric, and 0 only to itself.", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
    expect(editDistance("tosl", "tols")).toBe(1);
    expect(nearest("greting", ["user", "greeting"])).toBe("greeting");
    expect(nearest("x", [])).toBeUndefined();
  });
});
