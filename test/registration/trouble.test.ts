import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../functions/registration/hook.ts";
import { ApiError } from "../cloud/stream/coordinator/api-error.ts";
import { breaks, given, isOurs, others, run, stream, undated } from "./app-under-test.ts";
import { appOf, foreignHooks, hooksOn, legacy, perform, removal, request } from "./fixture.ts";

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
