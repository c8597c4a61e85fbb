import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../bridge-task/environment.ts";
import { AbortedError, InvalidInputError } from "../../bridge-task/errors.ts";
import { serializeJob } from "../../bridge-task/job.ts";
import { ModelError } from "../../bridge-task/realtime/model-errors.ts";
import { CallRefusedError, CoordinatorError, SfuError } from "../../bridge-task/stream/errors.ts";
import { Door } from "../../bridge-task/task/door.ts";
import { endOf } from "../../bridge-task/task/reasons.ts";

describe("why a stay never began", () => {
  test.each([
    [new InvalidInputError("no such tool"), "bad_job"],
    [new CallRefusedError("e2ee", "encrypted"), "e2ee"],
    [new CallRefusedError("no_permission", "may not speak"), "no_permission"],
    [new ModelError("model_refused", "insufficient_quota", "no credit"), "model_refused"],
    [new CoordinatorError("unreachable", {}), "join_failed"],
    [new SfuError("full"), "join_failed"],
    [new AbortedError("joining"), "join_failed"],
    [new RangeError("a mistake"), "internal"],
    [Object.assign(new Error("not ours"), { reason: "idle" }), "internal"],
    ["a text", "internal"],
  ])("%s", (error, reason) => {
    expect(endOf(error)).toEqual({ reason, detail: error instanceof Error ? error.message : error });
  });
});

describe("the door", () => {
  const bridge = () => {
    const ends: string[] = [];
    const leaving = Promise.withResolvers<{ reason: "idle"; detail: string }>();
    const end = async (reason: string) => {
      ends.push(reason);
      return { reason, detail: "" } as never;
    };
    return { ends, leaving, end };
  };

  test("who asks first says why, and whatever is waited for is given up", async () => {
    const door = new Door();
    door.leave("removed", "sent away");
    door.leave("stopped", "SIGTERM");
    expect(door.end).toEqual({ reason: "removed", detail: "sent away" });
    expect(door.signal.aborted).toBe(true);
    expect(await door.leaving).toEqual(door.end);
  });

  test("leaving goes through the call once the agent is in it, also where it was asked just before", () => {
    const [early, late] = [new Door(), new Door()];
    const [one, other] = [bridge(), bridge()];
    early.leave("stopped", "SIGTERM");
    early.attach({ end: one.end, leaving: one.leaving.promise });
    late.attach({ end: other.end, leaving: other.leaving.promise });
    late.leave("removed", "sent away");
    expect([one.ends, other.ends]).toEqual([["stopped"], ["removed"]]);
  });

  test("the agent's own leaving is the task's", async () => {
    const door = new Door();
    const { end, leaving } = bridge();
    door.attach({ end, leaving: leaving.promise });
    leaving.resolve({ reason: "idle", detail: "nobody" });
    expect(await door.leaving).toEqual({ reason: "idle", detail: "nobody" });
  });
});

describe("the environment of a task", () => {
  const complete = {
    AGENT_JOB: serializeJob({ version: 2, call: { type: "default", id: "1" }, agentUserId: "lucy", launchId: "l" }),
    STREAM_API_KEY: "key",
    STREAM_API_SECRET: "secret",
    OPENAI_API_KEY: "sk",
    CALLS_TABLE: "calls",
    AGENTS_API_KEY: "agents",
    ECS_CONTAINER_METADATA_URI_V4: "http://169.254.170.2/v4/1",
  };

  test("names everything that is missing", () => {
    const { CALLS_TABLE: _, OPENAI_API_KEY: __, ...rest } = complete;
    expect(() => readEnvironment({ ...rest, AGENTS_API_KEY: "" })).toThrow(
      /OPENAI_API_KEY, CALLS_TABLE, AGENTS_API_KEY/,
    );
  });

  test("knows the functions of tools by name", () => {
    const { toolFunctions } = readEnvironment({ ...complete, TOOL_FUNCTIONS: '{"get_current_time":"fn"}' });
    expect(toolFunctions).toEqual({ get_current_time: "fn" });
    expect(readEnvironment(complete).toolFunctions).toEqual({});
  });

  test.each(["{", "[]", '{"a":1}', '"a"', "null"])("refuses functions of tools that are none: %s", (json) => {
    expect(() => readEnvironment({ ...complete, TOOL_FUNCTIONS: json })).toThrow(/TOOL_FUNCTIONS must be JSON/);
  });

  test("allows URLs on loopback only where that is said", () => {
    expect(readEnvironment(complete).allowLoopbackUrls).toBe(false);
    expect(readEnvironment({ ...complete, LOOPBACK_URLS: "true" }).allowLoopbackUrls).toBe(false);
    expect(readEnvironment({ ...complete, LOOPBACK_URLS: "allowed" }).allowLoopbackUrls).toBe(true);
  });

  test("hands out a secret by name, and none that is empty", () => {
    const { secret } = readEnvironment({ ...complete, CRM_KEY: "k", EMPTY: "" });
    expect([secret("CRM_KEY"), secret("EMPTY"), secret("GONE")]).toEqual(["k", undefined, undefined]);
  });
});
