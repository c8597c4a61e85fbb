import { describe, expect, it } from "vitest";
import { hookIdOf, type Json } from "../../functions/registration/hook.ts";
import type { AppFaults } from "../cloud/stream/coordinator/app.ts";
import { beside, breaks, given, isOurs, others, ours, run, settings, stream, undated } from "./app-under-test.ts";
import { elsewhere, foreignHooks, hookOfStage, hooksOn, legacy, removal, request, us, webhookUrl } from "./fixture.ts";

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
