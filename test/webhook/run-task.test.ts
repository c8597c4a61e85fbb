import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobVariable, parseJob } from "../../bridge-task/job.ts";
import { candidates } from "../../functions/dispatch/agents.ts";
import { decide, type Launch } from "../../functions/dispatch/decide.ts";
import { answerOf, outlived, runTaskInput, tokensOf } from "../../functions/dispatch/run-task.ts";
import type { StreamEvent } from "../../functions/envelope.ts";
import { callCreated, eventAtMs, sessionStarted } from "./events.ts";

const target = {
  cluster: "local",
  taskDefinition: "bridge",
  container: "bridge",
  subnets: ["subnet-1"],
  securityGroups: ["sg-1"],
};

const launchOf = (event: StreamEvent): Launch => {
  const decision = decide(event, { nowMs: eventAtMs, agents: candidates });
  if ("launch" in decision) return decision.launch;
  throw new Error(`ignored: ${decision.ignore}`);
};

describe("tokens", () => {
  it("call.created and call.session_started of one call share the first", () => {
    expect(tokensOf(launchOf(callCreated())).first).toBe(tokensOf(launchOf(sessionStarted())).first);
  });

  it("do not depend on how precisely a date was printed", () => {
    const printed = ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123Z", "2026-01-02T03:04:05Z"];
    const tokens = printed.map((created_at) => tokensOf(launchOf(callCreated({ created_at }))).first);
    expect(new Set(tokens).size).toBe(1);
  });

  it("differ between calls, between a call and its successor under the same id, and between sessions", () => {
    const launches = [
      launchOf(callCreated()),
      launchOf(callCreated({ id: "other" })),
      launchOf(callCreated({ created_at: "2026-01-02T04:04:05Z" })),
    ];
    expect(new Set(launches.map((launch) => tokensOf(launch).first)).size).toBe(3);
    const sessions = ["a", "b"].map((sessionId) => tokensOf(launchOf(sessionStarted({ sessionId }))).next);
    expect(new Set(sessions).size).toBe(2);
  });

  it("are 64 characters that ECS takes, and only a session has a next one", () => {
    expect(tokensOf(launchOf(callCreated()))).toEqual({
      first: expect.stringMatching(/^[0-9a-f]{64}$/),
      next: undefined,
    });
  });
});

describe("RunTask parameters", () => {
  it("carry the job to the container and nothing secret", () => {
    const input = runTaskInput(launchOf(callCreated()).job, target, "token");
    const [override] = input.overrides?.containerOverrides ?? [];
    expect(override?.environment?.map(({ name }) => name)).toEqual([jobVariable]);
    expect(parseJob(override?.environment?.[0]?.value ?? "")).toEqual(launchOf(callCreated()).job);
    expect(input.networkConfiguration?.awsvpcConfiguration?.assignPublicIp).toBe("ENABLED");
  });

  it("are the same for equal jobs, and keep ECS's limits for any call", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300, unit: "binary" }), (id) => {
        const job = { version: 1 as const, call: { type: "default", id }, agent: "lucy", agentUserId: "lucy" };
        const input = runTaskInput(job, target, "token");
        expect(input).toEqual(runTaskInput(structuredClone(job), structuredClone(target), "token"));
        expect(input.startedBy).toMatch(/^[A-Za-z0-9/_-]{1,128}$/);
        for (const { value } of input.tags ?? []) expect(value).toMatch(/^[\p{L}\p{N}\p{Zs}+\-=._:/@]{1,256}$/u);
      }),
    );
  });
});

describe("a token whose task has stopped", () => {
  const stoppedAt = (atMs: number) =>
    answerOf({ tasks: [{ taskArn: "arn:task", lastStatus: "STOPPED", stoppedAt: new Date(atMs) }] });

  it("gives way to a session that began after the task's end", () => {
    expect(outlived(stoppedAt(eventAtMs - 1), launchOf(sessionStarted()))).toBe(true);
  });

  it("stands against a late duplicate from the task's own time", () => {
    expect(outlived(stoppedAt(eventAtMs + 1), launchOf(sessionStarted()))).toBe(false);
  });

  it("does not count while the task runs", () => {
    const running = answerOf({ tasks: [{ taskArn: "arn:task", lastStatus: "RUNNING" }] });
    expect(outlived(running, launchOf(sessionStarted()))).toBe(false);
  });
});

it("an answer without a task is a refusal that says why", () => {
  expect(answerOf({ tasks: [], failures: [{ reason: "RESOURCE:CPU", detail: "no room" }] })).toEqual({
    kind: "refused",
    reason: "RESOURCE:CPU: no room",
  });
  expect(answerOf({})).toMatchObject({ kind: "refused" });
});
