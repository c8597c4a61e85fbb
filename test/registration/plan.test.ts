import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences, isHarm, restoring } from "../../functions/registration/compare.ts";
import { canonical, parseExactly } from "../../functions/registration/exact-json.ts";
import { hookIdOf, hookUrlOf, isAsWanted, type Json, ownerOf } from "../../functions/registration/hook.ts";
import { planHooks } from "../../functions/registration/plan.ts";
import { elsewhere, foreignHooks, hookOfStage, place, us, webhookUrl } from "./fixture.ts";

const { stage } = us;

const foreign: fc.Arbitrary<Json> = fc
  .record(
    {
      id: fc.oneof(fc.uuid(), fc.integer()),
      enabled: fc.boolean(),
      hook_type: fc.constantFrom("webhook", "sqs", "sns", "pending_message", "of tomorrow"),
      webhook_url: fc.constantFrom("https://example.com/a", `${webhookUrl}?app=other`, webhookUrl, "no URL"),
      event_types: fc.array(fc.string()),
      sqs_auth_type: fc.constantFrom("role", "resource"),
      extra: fc.jsonValue(),
    },
    { requiredKeys: ["hook_type"] },
  )
  .map((hook): Json => ({ ...hook }));

const ourOwn: fc.Arbitrary<Json> = fc
  .record({
    id: fc.constantFrom(hookIdOf(us), hookIdOf(us).toUpperCase(), "another"),
    enabled: fc.boolean(),
    event_types: fc.constantFrom([], ["call.created"]),
    webhook_url: fc.constantFrom(
      hookUrlOf(webhookUrl, { ...us, calls: "all" }),
      hookUrlOf("https://old.example.com/webhooks/stream", { ...us, calls: "own" }),
    ),
  })
  .map((hook): Json => ({ ...hookOfStage(stage), ...hook }));

const anotherStages: fc.Arbitrary<Json> = fc
  .record({
    of: fc.constantFrom(["prod", place] as const, ["review", elsewhere] as const, [stage, elsewhere] as const),
    calls: fc.constantFrom("all", "own"),
    enabled: fc.boolean(),
  })
  .map(({ of: [name, where], calls, enabled }) => hookOfStage(name, { enabled }, calls, where));

const app = fc
  .array(fc.oneof({ weight: 4, arbitrary: foreign }, ourOwn, anotherStages), { maxLength: 8 })
  .map((event_hooks): Json => ({ event_hooks }));

const wanted = fc.record({
  stage: fc.constant(stage),
  place: fc.constant(place),
  calls: fc.constantFrom("all", "own"),
  webhookUrl: fc.constantFrom(webhookUrl, null),
});

const isOurs = (hook: Json) => ownerOf(hook, us).owner === "us";

describe("whatever is on the app", () => {
  it("the hooks of others go back byte for byte, in their order, and there is one of ours at most", () => {
    fc.assert(
      fc.property(app, wanted, (before, want) => {
        const hooks = before.event_hooks as Json[];
        const sent = JSON.stringify(hooks.filter((hook) => !isOurs(hook)));
        const plan = planHooks(before, want);
        fc.pre(plan.kind === "write");
        if (plan.kind !== "write") return;
        expect(JSON.stringify(plan.eventHooks.filter((hook) => !isOurs(hook)))).toBe(sent);
        expect(plan.eventHooks.filter(isOurs)).toHaveLength(want.webhookUrl === null ? 0 : 1);
      }),
    );
  });

  it("once it is written there is nothing more to do", () => {
    fc.assert(
      fc.property(app, wanted, (before, want) => {
        const plan = planHooks(before, want);
        fc.pre(plan.kind === "write");
        const after = plan.kind === "write" ? planHooks({ event_hooks: plan.eventHooks }, want) : plan;
        expect(after).toEqual({ kind: "keep", hook: want.webhookUrl === null ? "none" : "unchanged" });
      }),
    );
  });

  it("another stage's hook that is enabled keeps ours away, unless one of the two is for its own calls and they differ by name", () => {
    fc.assert(
      fc.property(app, wanted, (before, want) => {
        const isTaken = (before.event_hooks as Json[]).some((hook) => {
          const owner = ownerOf(hook, us);
          if (owner.owner !== "other_stage" || !owner.isEnabled) return false;
          return owner.stage === stage || (owner.calls === "all" && want.calls === "all");
        });
        const isRefused = isTaken && want.webhookUrl !== null;
        expect(planHooks(before, want).kind === "refuse").toBe(isRefused);
      }),
    );
  });

  it("nothing is different from itself, and what is restored is what was, beside what came", () => {
    fc.assert(
      fc.property(app, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (before, kept) => {
        const hooks = before.event_hooks as Json[];
        expect(isHarm(differences(before, structuredClone(before), us))).toBe(false);
        const after = { event_hooks: hooks.filter((_, index) => kept[index]) };
        const found = differences(before, after, us);
        expect(isHarm(found)).toBe(hooks.some((hook, index) => !kept[index] && !isOurs(hook)));
        expect(JSON.stringify(restoring(before, found).event_hooks)).toBe(JSON.stringify(hooks));
      }),
    );
  });
});

describe("numbers and fields that nobody here knows", () => {
  const text =
    '{"event_hooks":[{"id":12345678901234567890,"hook_type":"webhook","timeout_ms":1.50,"since":1e3,"n":7}]}';

  it("go back as they were written", () => {
    const read = parseExactly(text) as Json;
    expect(JSON.stringify(read)).toBe(text);
    const plan = planHooks(read, { ...us, calls: "all", webhookUrl });
    expect(plan).toMatchObject({ kind: "write" });
    if (plan.kind === "write") expect(JSON.stringify({ event_hooks: plan.eventHooks.slice(0, 1) })).toBe(text);
  });

  it("are told apart where a double would not, and are the same in another order of fields", () => {
    const one = parseExactly('{"a":12345678901234567890,"b":[{"c":1,"d":2}]}');
    expect(canonical(parseExactly('{"b":[{"d":2,"c":1}],"a":12345678901234567890}'))).toBe(canonical(one));
    expect(canonical(parseExactly('{"b":[{"d":2,"c":1}],"a":12345678901234567891}'))).not.toBe(canonical(one));
  });
});

describe("whose a hook is", () => {
  it.each<[string, Json, object]>([
    ["ours by its id", { id: hookIdOf(us).toUpperCase(), webhook_url: "https://example.com" }, { owner: "us" }],
    [
      "ours by its URL",
      { id: "1", webhook_url: hookUrlOf("https://old.example.com/webhooks/stream", { ...us, calls: "own" }) },
      { owner: "us" },
    ],
    [
      "another stage's",
      hookOfStage("prod", {}, "own"),
      { owner: "other_stage", stage: "prod", calls: "own", isEnabled: true },
    ],
    [
      "that of a stage of our name elsewhere",
      hookOfStage(stage, {}, "own", elsewhere),
      { owner: "other_stage", stage },
    ],
    [
      "another's that does not say where it is",
      { webhook_url: `${webhookUrl}?app=stream-agent-bridge&stage=${stage}` },
      { owner: "other_stage", stage },
    ],
    [
      "another's that names no stage",
      { webhook_url: `${webhookUrl}?app=stream-agent-bridge&calls=some` },
      { owner: "other_stage", stage: undefined, calls: "all" },
    ],
    ["foreign at the same path", { webhook_url: webhookUrl }, { owner: "foreign" }],
    [
      "foreign at another path",
      { webhook_url: "https://example.com/hooks?app=stream-agent-bridge&stage=dev" },
      { owner: "foreign" },
    ],
    ["foreign without a URL", { hook_type: "sqs" }, { owner: "foreign" }],
  ])("%s", (_name, hook, owner) => {
    expect(ownerOf(hook, us)).toMatchObject(owner);
  });

  it("is told by ids that differ from stage to stage", () => {
    const ids = ["dev", "prod", "production", ""].flatMap((name) =>
      [place, elsewhere].map((where) => hookIdOf({ stage: name, place: where })),
    );
    expect(new Set(ids).size).toBe(ids.length);
    // A deploy of a later release must find the hook of an earlier one.
    expect(hookIdOf(us)).toBe("47a729ea-0153-8e8c-99cf-489b86778615");
  });
});

it("a list of hooks that is none is left alone", () => {
  for (const event_hooks of [{}, "", [null], 7]) {
    expect(planHooks({ event_hooks }, { ...us, calls: "all", webhookUrl })).toMatchObject({
      kind: "refuse",
      reason: "unknown_shape",
    });
  }
  expect(planHooks({}, { ...us, calls: "all", webhookUrl })).toMatchObject({ kind: "write", hook: "created" });
});

it("what Stream adds to our hook, and the order of its types, is Stream's", () => {
  const url = hookUrlOf(webhookUrl, { ...us, calls: "all" });
  const hook = hookOfStage(stage);
  expect(
    isAsWanted(
      { ...hook, product: "video", timeout_ms: 0, event_types: (hook.event_types as string[]).toReversed() },
      url,
    ),
  ).toBe(true);
  expect(foreignHooks.some((one) => isAsWanted(one, url))).toBe(false);
});
