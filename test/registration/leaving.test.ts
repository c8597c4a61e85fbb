import { describe, expect, it } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { hookIdOf, type Json } from "../../functions/registration/hook.ts";
import type { RegistrationRequest } from "../../functions/registration/types.ts";
import { breaks, given, isOurs, ours, run, settings, stream, undated } from "./app-under-test.ts";
import { appOf, foreignHooks, hookOfStage, hooksOn, legacy, perform, removal, request, us } from "./fixture.ts";

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
