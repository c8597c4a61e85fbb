import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { eventTypes } from "../../functions/dispatch/decide.ts";
import { hookIdOf, type Json } from "../../functions/registration/hook.ts";
import type { RegistrationReport, RegistrationRequest } from "../../functions/registration/types.ts";
import { ApiError } from "../cloud/stream/coordinator/api-error.ts";
import type { AppFaults } from "../cloud/stream/coordinator/app.ts";
import { noAppFaults } from "../cloud/stream/coordinator/app.ts";
import type { StreamCloud } from "../cloud/stream/index.ts";
import {
  appOf,
  elsewhere,
  foreignHooks,
  hookOfStage,
  hooksOn,
  legacy,
  perform,
  removal,
  request,
  startStream,
  us,
  webhookUrl,
} from "./fixture.ts";

let stream: StreamCloud;

beforeEach(async () => {
  stream = await startStream();
});
afterEach(() => stream.close());

const settings = () => stream.coordinator.app.settings;
const given = (app: Json) => stream.coordinator.app.restore(app);
const breaks = (faults: Partial<AppFaults>) => {
  stream.coordinator.app.faults = { ...noAppFaults(), ...faults };
};
const run = (asked: RegistrationRequest = request()): Promise<RegistrationReport> =>
  perform(appOf(stream.serverBaseUrl), asked);

const ours = (overrides: Json = {}, calls: "all" | "own" = "all"): Json => hookOfStage("dev", overrides, calls);
const isOurs = ({ webhook_url }: Json) => String(webhook_url).includes(`stage=dev&place=${us.place}`);
const others = () => hooksOn(stream).filter((hook) => !isOurs(hook));
/** What is on the app beside our hook, without the dates of writing. */
const beside = () => ({
  ...settings(),
  event_hooks: others().map(({ updated_at: _, ...hook }) => hook),
});
const undated = (hooks: readonly Json[]) => hooks.map(({ updated_at: _, ...hook }) => hook);

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

describe("a stage is not registered", () => {
  it.each([
    ["another stage's hook", { event_hooks: [hookOfStage("prod")] }, 'stage "prod"', "npx sst remove --stage prod"],
    [
      "the hook of a stage that its URL does not name",
      { event_hooks: [{ id: "1", hook_type: "webhook", webhook_url: `${webhookUrl}?app=stream-agent-bridge` }] },
      "another deployment",
      'set calls: "own"',
    ],
    [
      "the hook of a stage of its name in another account or region",
      { event_hooks: [hookOfStage("dev", {}, "all", elsewhere)] },
      'stage "dev" in another AWS account or region',
      "another stage name",
    ],
    [
      "that one, though it takes only its own calls: they would be this one's, too",
      { event_hooks: [hookOfStage("dev", {}, "own", elsewhere)] },
      'stage "dev" in another AWS account or region',
      "another Stream app",
    ],
    [
      "the hook of a stage that may be long gone",
      { event_hooks: [hookOfStage("prod", { id: "the-hook-of-prod" })] },
      "If that other one no longer exists",
      "its id is the-hook-of-prod",
    ],
    [
      "another stage's webhook, registered by hand",
      { webhook_url: `${webhookUrl}?app=stream-agent-bridge&stage=prod` },
      'stage "prod"',
      "another Stream app",
    ],
  ])("beside %s: the error names it, and says what to do", async (_name, app, names, says) => {
    given(app);
    const before = structuredClone(settings());
    const refused = run();
    await expect(refused).rejects.toThrow(names);
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(webhookUrl);
    expect(settings()).toEqual(before);
  });

  it("beside a stage of its name elsewhere, were both for their own calls; and neither touches the other's hook", async () => {
    const namesake = hookOfStage("dev", {}, "own", elsewhere);
    given({ event_hooks: [namesake] });
    await expect(run(request({ calls: "own" }))).rejects.toThrow("in another AWS account or region");
    await expect(run(removal())).resolves.toMatchObject({ hook: "none", otherHooks: 1 });
    await expect(run(request({ webhookUrl: null }))).resolves.toMatchObject({ hook: "none", otherHooks: 1 });
    expect(hooksOn(stream)).toEqual([namesake]);
    // Each finds its own when both are there, and takes it alone.
    given({ event_hooks: [namesake, ours()] });
    await expect(run(removal({ place: elsewhere }))).resolves.toMatchObject({ hook: "removed" });
    expect(hooksOn(stream)).toHaveLength(1);
    expect(hooksOn(stream)).toMatchObject([{ id: hookIdOf(us) }]);
  });

  it("beside another one even if its own hook is there already", async () => {
    given({ event_hooks: [ours(), hookOfStage("prod")] });
    await expect(run()).rejects.toThrow('stage "prod"');
    expect(hooksOn(stream)).toEqual([ours(), hookOfStage("prod")]);
  });

  it.each<[string, Partial<AppFaults>, Json, string]>([
    ["masked", { masked: ["sns_secret"] }, {}, "sns_secret"],
    ["left out", { withheld: ["sns_key"] }, {}, "sns_key"],
    [
      "masked in a hook that says no auth_type",
      { masked: ["sqs_secret"] },
      { hook_type: "sqs", sqs_key: "k", sqs_secret: "s" },
      "sqs_secret",
    ],
  ])("where a hook's credential is %s: nothing is written", async (_name, faults, hook, field) => {
    given({ ...legacy, event_hooks: [...foreignHooks, { id: "9", webhook_url: "https://example.com", ...hook }] });
    breaks(faults);
    const before = structuredClone(settings());
    const refused = run();
    await expect(refused).rejects.toThrow(field);
    await expect(refused).rejects.toThrow('streamWebhook: "off"');
    expect(settings()).toEqual(before);
    await expect(run(request({ webhookUrl: null }))).resolves.toMatchObject({ hook: "none" });
  });

  it("where legacy credentials are masked it is: they are not sent", async () => {
    given(legacy);
    breaks({ masked: ["sqs_secret", "sns_secret"] });
    await expect(run()).resolves.toMatchObject({ hook: "created" });
    expect(settings()).toMatchObject(legacy);
  });
});

describe("what else is on the app is put back, and the deploy fails, when writing our hook", () => {
  const [first, second, third] = foreignHooks as [Json, Json, Json];
  const changing = (change: (hooks: Json[]) => Json[]) => {
    let isFirst = true;
    return (app: Json): Json => {
      if (!isFirst) return app;
      isFirst = false;
      return { ...app, event_hooks: change(app.event_hooks as Json[]) };
    };
  };
  const clearing = (names: string[]) => {
    let isFirst = true;
    return (app: Json): Json => {
      if (!isFirst) return app;
      isFirst = false;
      return { ...app, ...Object.fromEntries(names.map((name) => [name, ""])) };
    };
  };
  it.each<[string, (app: Json) => Json, string]>([
    ["clears a legacy field", clearing(["webhook_url"]), "webhook_url"],
    ["clears several", clearing(["sqs_url", "sns_topic_arn"]), "sqs_url, sns_topic_arn"],
    ["drops a hook", changing((hooks) => hooks.slice(1)), String(first.webhook_url)],
    ["changes a hook", changing(([one, ...rest]) => [{ ...one, event_types: ["x"] }, ...rest]), String(first.id)],
    ["drops all but ours", changing((hooks) => hooks.filter(isOurs)), String(second.id)],
    ["drops everything", changing(() => []), String(third.id)],
  ])("%s", async (_name, onWrite, names) => {
    given({ ...legacy, event_hooks: [...foreignHooks, ours({ enabled: false })] });
    breaks({ onWrite });
    const before = beside();
    const failed = run();
    await expect(failed).rejects.toThrow(names);
    await expect(failed).rejects.toThrow("All is as it was before");
    expect(beside()).toEqual(before);
    expect(hooksOn(stream).filter(isOurs)).toMatchObject([{ enabled: false }]);
  });

  it("always: then the error says what is still different", async () => {
    given({ ...legacy, event_hooks: [...foreignHooks] });
    breaks({ onWrite: (app) => ({ ...app, webhook_url: "" }) });
    await expect(run()).rejects.toThrow(/written back, and is still different: webhook_url\./);
    expect(undated(others())).toEqual(undated(foreignHooks));
  });

  it("clears a field whose credential is masked: the mask is not written", async () => {
    given(legacy);
    breaks({ masked: ["sqs_secret"], onWrite: clearing(["sqs_secret", "sqs_url"]) });
    await expect(run()).rejects.toThrow("still different: sqs_secret");
    expect(settings()).toMatchObject({ sqs_secret: "", sqs_url: legacy.sqs_url });
  });

  it("the credential of no hook stands in an error", async () => {
    given({ ...legacy, event_hooks: [...foreignHooks] });
    breaks({ onWrite: () => ({ event_hooks: [] }) });
    const message = await run().then(String, String);
    expect(message).not.toContain("legacy-secret");
    expect(message).not.toContain("told+by/Stream");
  });
});

describe("somebody else who writes at the same time", () => {
  const added: Json = { ...foreignHooks[0], id: "added", webhook_url: "https://example.com/added" };

  it("and adds a hook beside ours keeps it", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ meanwhile: (app) => ({ ...app, event_hooks: [...(app.event_hooks as Json[]), added] }) });
    await expect(run()).resolves.toMatchObject({ hook: "created", otherHooks: 4 });
    expect(hooksOn(stream).map(({ id }) => id)).toContain("added");
  });

  it("and overwrites our hook keeps theirs, and ours is written again", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ meanwhile: (app) => ({ ...app, event_hooks: [...foreignHooks, added] }) });
    await expect(run()).resolves.toMatchObject({ hook: "created", otherHooks: 4 });
    expect(undated(others())).toEqual(undated([...foreignHooks, added]));
    expect(hooksOn(stream).filter(isOurs)).toHaveLength(1);
  });

  it("and adds a hook while another is lost keeps theirs, and gets the lost one back", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ meanwhile: (app) => ({ ...app, event_hooks: [...(app.event_hooks as Json[]).slice(1), added] }) });
    await expect(run()).rejects.toThrow(String(foreignHooks[0]?.webhook_url));
    expect(undated(hooksOn(stream))).toEqual(undated([...foreignHooks, added]));
  });

  it("and removes ours over and over makes the deploy fail, not them", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({
      onWrite: (app) => ({ ...app, event_hooks: (app.event_hooks as Json[]).filter((hook) => !isOurs(hook)) }),
    });
    await expect(run()).rejects.toThrow("somebody else may be writing");
    expect(undated(hooksOn(stream))).toEqual(undated(foreignHooks));
  });
});

describe("Stream", () => {
  it.each([1, 2])("loses %d writes: ours is written again", async (lostWrites) => {
    given({ ...legacy, event_hooks: [...foreignHooks] });
    breaks({ lostWrites });
    await expect(run()).resolves.toMatchObject({ hook: "created", otherHooks: 3 });
    expect(undated(others())).toEqual(undated(foreignHooks));
  });

  it("loses every write: the deploy fails after three", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ lostWrites: 9 });
    await expect(run()).rejects.toThrow("after 3 writes");
    expect(stream.coordinator.app.faults.lostWrites).toBe(6);
    expect(hooksOn(stream)).toEqual(foreignHooks);
  });

  it("does not keep ids: ours is known by its URL, and there is one of it after two deploys", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ choosesIds: true });
    await expect(run()).resolves.toMatchObject({ hook: "created" });
    await expect(run(request({ calls: "own" }))).resolves.toMatchObject({ hook: "updated" });
    expect(hooksOn(stream)).toHaveLength(4);
    await expect(run(removal())).resolves.toMatchObject({ hook: "removed" });
    const anonymous = (hooks: readonly Json[]) => undated(hooks).map(({ id: _, ...hook }) => hook);
    expect(anonymous(hooksOn(stream))).toEqual(anonymous(foreignHooks));
  });

  it("takes no id that it does not know: ours goes without", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({ refusesNewIds: true });
    await expect(run()).resolves.toMatchObject({ hook: "created" });
    await expect(run()).resolves.toMatchObject({ hook: "unchanged" });
  });

  it("keeps another list of types than it was sent: the error says where", async () => {
    breaks({
      onWrite: (app) => ({
        ...app,
        event_hooks: (app.event_hooks as Json[]).map((hook) => ({ ...hook, event_types: ["call.created"] })),
      }),
    });
    await expect(run()).rejects.toThrow("something else in its event_types");
  });

  it.each([500, 503, 429])("answers %d now and then: it is asked again", async (status) => {
    given({ event_hooks: [...foreignHooks] });
    const fault = { pathEnd: "/app", status, code: -1, count: 2 };
    stream.coordinator.restFaults.push(fault);
    await expect(run()).resolves.toMatchObject({ hook: "created" });
    expect(fault.count).toBe(0);
    expect(undated(others())).toEqual(undated(foreignHooks));
  });

  it("answers 500 to a write that it made: it is found", async () => {
    breaks({
      meanwhile: () => {
        throw new ApiError(500, -1, "after the write");
      },
    });
    await expect(run()).resolves.toMatchObject({ hook: "created" });
    expect(hooksOn(stream)).toHaveLength(1);
  });

  it("answers 500 to every write: the deploy fails with what it said", async () => {
    given({ event_hooks: [...foreignHooks] });
    breaks({
      onWrite: () => {
        throw new ApiError(500, -1, "out of order");
      },
    });
    await expect(run()).rejects.toThrow("out of order");
    expect(hooksOn(stream)).toEqual(foreignHooks);
  });

  it("is out of order: the deploy fails, and says that it may be tried again", async () => {
    stream.coordinator.restFaults.push({ pathEnd: "/app", status: 500, code: -1, count: 99 });
    await expect(run()).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining("try again in a minute"),
    });
  });

  it.each([
    ["a deploy", request()],
    ["one that wants no hook, too", request({ webhookUrl: null })],
  ])("does not take the keys of %s: the error names the secrets", async (_what, asked) => {
    stream.coordinator.restFaults.push({ pathEnd: "/app", status: 401, code: 2, count: 1 });
    await expect(run(asked)).rejects.toThrow(/StreamApiKey and StreamApiSecret/);
  });
});

describe("a stage that is removed", () => {
  it.each([401, 403])("goes although Stream refuses its keys with %d: its hook is told in the log", async (status) => {
    given({ event_hooks: [ours()] });
    stream.coordinator.restFaults.push({ pathEnd: "/app", status, code: 2, count: 1 });
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const report = await perform(appOf(stream.serverBaseUrl), removal(), { logger });
    expect(report).toEqual({ hook: "none", otherHooks: 0, usersCreated: [] });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "warn", event: "hook_not_removed", detail: expect.stringContaining(hookIdOf(us)) },
    ]);
  });

  it.each([
    ["is out of order", { pathEnd: "/app", status: 500, code: -1, count: 99 }],
    ["will not have what we ask", { pathEnd: "/app", status: 400, code: 4, count: 99 }],
  ])("stays where Stream %s: the error names the way out", async (_why, fault) => {
    given({ event_hooks: [ours()] });
    stream.coordinator.restFaults.push(fault);
    const failed = run(removal());
    await expect(failed).rejects.toThrow("If Stream stays unreachable: npx sst state remove Registration --stage dev");
    await expect(failed).rejects.toThrow(hookIdOf(us));
  });
});

describe("a stage that could not be created leaves no hook behind", () => {
  const creation = (overrides: Partial<RegistrationRequest> = {}) =>
    request({ tf: { action: "create" }, ...overrides });
  /** Stream keeps something else than it was sent, in every hook of ours. */
  const misunderstanding = (app: Json): Json => ({
    ...app,
    event_hooks: (app.event_hooks as Json[]).map((hook) => (isOurs(hook) ? { ...hook, event_types: [] } : hook)),
  });

  it("where Stream does not keep it as it was sent", async () => {
    given({ ...legacy, event_hooks: [...foreignHooks] });
    breaks({ onWrite: misunderstanding });
    await expect(run(creation())).rejects.toThrow("something else in its event_types");
    expect(undated(hooksOn(stream))).toEqual(undated(foreignHooks));
    expect(settings()).toMatchObject(legacy);
  });

  it("where the time is up after it was written", async () => {
    given({ event_hooks: [...foreignHooks] });
    const end = new AbortController();
    breaks({
      meanwhile: (app) => {
        end.abort();
        return app;
      },
    });
    const app = appOf(stream.serverBaseUrl, { signal: end.signal });
    const undoApp = () => appOf(stream.serverBaseUrl);
    await expect(perform(app, creation(), { undoApp })).rejects.toThrow("Reading the Stream app failed");
    expect(undated(hooksOn(stream))).toEqual(undated(foreignHooks));
  });

  it("or is told by its id where it cannot be taken away", async () => {
    breaks({ onWrite: misunderstanding });
    const undoApp = () => appOf(stream.serverBaseUrl, { signal: AbortSignal.abort() });
    const failed = perform(appOf(stream.serverBaseUrl), creation(), { undoApp });
    await expect(failed).rejects.toThrow(/something else in its event_types.+may have been left on the Stream app/);
    await expect(failed).rejects.toThrow(hookIdOf(us));
  });

  it("and one that is deployed again keeps what it has", async () => {
    breaks({ onWrite: misunderstanding });
    await expect(run(request({ tf: { action: "update" } }))).rejects.toThrow("something else in its event_types");
    expect(hooksOn(stream).filter(isOurs)).toHaveLength(1);
  });

  it("and what it did not write is not touched", async () => {
    given({ event_hooks: [ours(), hookOfStage("prod")] });
    const undoApp = () => {
      throw new Error("nothing was written");
    };
    await expect(perform(appOf(stream.serverBaseUrl), creation(), { undoApp })).rejects.toThrow('stage "prod"');
    expect(hooksOn(stream)).toEqual([ours(), hookOfStage("prod")]);
  });
});

describe("a Stream that does not answer", () => {
  let silent: Server;
  beforeEach(async () => {
    silent = createServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
  });
  afterEach(async () => {
    silent.closeAllConnections();
    silent.close();
    await once(silent, "close");
  });
  const silentUrl = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

  it("is given up by every request's deadline", async () => {
    await expect(perform(appOf(silentUrl(), { requestMs: 20 }), request())).rejects.toThrow(
      "Reading the Stream app failed",
    );
  });

  it("is given up by the deadline of the whole", async () => {
    const app = appOf(silentUrl(), { signal: AbortSignal.timeout(50) });
    await expect(perform(app, request())).rejects.toThrow("Reading the Stream app failed");
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
