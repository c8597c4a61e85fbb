import { describe, expect, it } from "vitest";
import { eventTypes } from "../../functions/dispatch/decide.ts";
import { hookIdOf, type Json } from "../../functions/registration/hook.ts";
import type { RegistrationReport, RegistrationRequest } from "../../functions/registration/types.ts";
import { breaks, given, isOurs, ours, run, settings, stream, undated } from "./app-under-test.ts";
import { foreignHooks, hookOfStage, hooksOn, legacy, removal, request, us } from "./fixture.ts";

describe("an app as it is, and the hooks that are there afterwards", () => {
  const other = hookOfStage("prod");
  const own = { calls: "own" } as const;
  const off = { webhookUrl: null };
  it.each<[string, Json[], RegistrationRequest, RegistrationReport["hook"], Json[]]>([
    ["no hook at all", [], request(), "created", [ours()]],
    ["foreign hooks", [...foreignHooks], request(), "created", [...foreignHooks, ours()]],
    ["ours as it is to be", [ours(), ...foreignHooks], request(), "unchanged", [ours(), ...foreignHooks]],
    ["ours with other types", [ours({ event_types: ["call.created"] })], request(), "updated", [ours()]],
    ["ours for all types", [ours({ event_types: [] })], request(), "updated", [ours()]],
    ["ours with custom events", [ours({ should_send_custom_events: true })], request(), "updated", [ours()]],
    [
      "ours disabled, in between",
      [...foreignHooks.slice(0, 1), ours({ enabled: false }), ...foreignHooks.slice(1)],
      request(),
      "updated",
      [...foreignHooks.slice(0, 1), ours(), ...foreignHooks.slice(1)],
    ],
    [
      "ours at a former URL",
      [ours({ webhook_url: "https://old.example.com/webhooks/stream" })],
      request(),
      "updated",
      [ours()],
    ],
    ["ours under an id of Stream's", [ours({ id: "another" })], request(), "unchanged", [ours({ id: "another" })]],
    [
      "ours under an id of Stream's, outdated",
      [ours({ id: "another", event_types: [] })],
      request(),
      "updated",
      [ours({ id: "another" })],
    ],
    ["ours twice", [ours({ id: "another" }), ...foreignHooks, ours()], request(), "updated", [...foreignHooks, ours()]],
    ["ours, now for its own calls", [ours()], request(own), "updated", [ours({}, "own")]],
    [
      "another stage's, disabled",
      [{ ...other, enabled: false }],
      request(),
      "created",
      [{ ...other, enabled: false }, ours()],
    ],
    [
      "another stage's for its own calls",
      [hookOfStage("prod", {}, "own")],
      request(),
      "created",
      [hookOfStage("prod", {}, "own"), ours()],
    ],
    ["another stage's, where ours is for its own calls", [other], request(own), "created", [other, ours({}, "own")]],
    ["no hook, and none is wanted", [...foreignHooks], request(off), "none", [...foreignHooks]],
    [
      "ours, and none is wanted any more",
      [other, ours(), ...foreignHooks],
      request(off),
      "removed",
      [other, ...foreignHooks],
    ],
    [
      "ours, when the stage is removed",
      [...foreignHooks, ours(), other],
      removal(),
      "removed",
      [...foreignHooks, other],
    ],
    ["ours twice, when the stage is removed", [ours(), ours({ id: "another" })], removal(), "removed", []],
    ["none, when the stage is removed", [...foreignHooks, other], removal(), "none", [...foreignHooks, other]],
  ])("%s", async (_name, before, asked, hook, after) => {
    given({ ...legacy, event_hooks: before });
    const report = await run(asked);
    expect(report).toEqual({ hook, otherHooks: after.filter((one) => !isOurs(one)).length, usersCreated: [] });
    const wanted = after.map((one) => (isOurs(one) ? { ...one, created_at: expect.any(String) } : one));
    // A hook of ours that was written is what we send: Stream's own additions to it are Stream's.
    expect(undated(hooksOn(stream)).map(withoutProduct)).toEqual(undated(wanted).map(withoutProduct));
    expect(settings()).toMatchObject(legacy);
  });

  const withoutProduct = (hook: Json): Json => {
    if (!isOurs(hook)) return hook;
    const { product: _, ...rest } = hook;
    return rest;
  };

  it("is registered for exactly the types that dispatch acts on, under the same id by every deploy", async () => {
    await run();
    await run(request({ webhookUrl: "https://new.example.com/webhooks/stream" }));
    expect(hooksOn(stream)).toMatchObject([
      {
        id: hookIdOf(us),
        enabled: true,
        hook_type: "webhook",
        webhook_url:
          "https://new.example.com/webhooks/stream?app=stream-agent-bridge&stage=dev&place=0a1b2c3d&calls=all",
        event_types: eventTypes,
        should_send_custom_events: false,
      },
    ]);
    expect(hookIdOf(us)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("is not written where nothing has to change", async () => {
    given({ event_hooks: [ours()] });
    breaks({ onWrite: () => ({}) });
    await expect(run()).resolves.toMatchObject({ hook: "unchanged" });
  });
});

describe("the agents' users", () => {
  const users = [{ id: "lucy", name: "Lucy" }, { id: "max" }];
  const userOf = (id: string) => stream.coordinator.users.get(id);

  it("are made where there are none, and told from people", async () => {
    await expect(run(request({ users }))).resolves.toMatchObject({ usersCreated: ["lucy", "max"] });
    expect(userOf("lucy")).toMatchObject({ name: "Lucy", custom: { agent: true } });
    await expect(run(request({ users }))).resolves.toMatchObject({ usersCreated: [] });
  });

  it("keep what they have where they are there: only what tells them from people is added", async () => {
    stream.coordinator.users.upsert({ id: "lucy", name: "Lucille", role: "admin", custom: { colour: "red" } });
    await expect(run(request({ users }))).resolves.toMatchObject({ usersCreated: ["max"] });
    expect(userOf("lucy")).toMatchObject({ name: "Lucille", role: "admin", custom: { colour: "red", agent: true } });
  });

  it("are made for a stage without a hook too, and stay when the stage is removed", async () => {
    await run(request({ webhookUrl: null, users }));
    expect(userOf("max")).toBeDefined();
    await expect(run(removal({ users }))).resolves.toMatchObject({ usersCreated: [] });
    expect(userOf("max")).toBeDefined();
  });

  it("of more agents than Stream tells of at once are all found", async () => {
    const many = Array.from({ length: 65 }, (_, index) => ({ id: `agent-${index}` }));
    expect((await run(request({ users: many }))).usersCreated).toHaveLength(65);
    expect((await run(request({ users: many }))).usersCreated).toEqual([]);
  });
});

it.each([
  [{ stage: "" }, "stage"],
  [{ place: "" }, "place"],
  [{ calls: "some" as "all" }, "calls"],
  [{ webhookUrl: "agents.example.com" }, "webhookUrl"],
  [{ users: [{ id: "" }] }, "users"],
])("a request with %j is refused by name", async (overrides, field) => {
  await expect(run(request(overrides))).rejects.toThrow(field);
  expect(hooksOn(stream)).toEqual([]);
});
