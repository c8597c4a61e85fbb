import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../infra/operate/cli/failure.ts";
import type { Cloud } from "../cloud/index.ts";
import { foreignHook, otherStagesHook, ourHook, repairHooks, setHooks } from "./breaking.ts";
import { accountCases } from "./cases/account.ts";
import { functionCases } from "./cases/functions.ts";
import { latelyCases } from "./cases/lately.ts";
import { openAiCases } from "./cases/open-ai.ts";
import { streamCases } from "./cases/stream.ts";
import { examine, runAgents, startOperatedCloud } from "./operated-cloud.ts";

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startOperatedCloud();
});

afterAll(() => cloud?.close());

const cases = [...accountCases, ...streamCases, ...openAiCases, ...functionCases, ...latelyCases];

test("On a deployment that is as it should be, every check is well, and the report says so.", async () => {
  const { told, skipped, checks } = await examine();
  expect(told).toEqual([]);
  expect(skipped).toEqual([]);
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);

  const answer = await runAgents(["doctor"]);
  expect(answer).toMatchObject({ exitCode: exitCodes.ok, err: "" });
  expect(answer.out).toContain(`${checks.length} checks: 0 to mend, 0 to know, 0 not looked at`);
});

test("It tells of hooks that are not ours, and of a stage that keeps to its own calls, without complaint.", async () => {
  setHooks(cloud, foreignHook, ourHook(cloud), otherStagesHook("own"));
  try {
    const { told, checks } = await examine();
    expect(told).toEqual([]);
    const [finding] = checks.find(({ id }) => id === "stream-other-hooks")?.findings ?? [];
    expect(finding?.message).toMatch(/sqs\.example\.com.*other\.example\.com/);
  } finally {
    repairHooks(cloud);
  }
});

test("Who may not look at the functions still learns whether their URL answers.", async () => {
  cloud.aws.authorize = ({ action }) =>
    action === "lambda:GetFunctionConfiguration" ? `User: operator is not authorized to perform: ${action}` : undefined;
  const { told, skipped } = await examine().finally(() => {
    cloud.aws.authorize = undefined;
  });
  expect(told.map(({ id, state }) => [id, state])).toEqual([
    ["functions", "warn"],
    ["tools", "warn"],
    ["sweep", "warn"],
  ]);
  expect(skipped).toEqual([]);
});

test.for(cases)("When $broken, it names that and nothing else, and says how to mend it.", async (broken, context) => {
  const repair = await broken.break(cloud);
  try {
    const { told } = await examine({ aheadMs: broken.aheadMs ?? 0 });
    const { besides = [] } = broken;
    context.expect([...new Set(told.map(({ id }) => id))]).toEqual([broken.check, ...besides]);
    const finding = told.find(({ message }) => broken.says.test(message)) ?? told[0];
    context.expect(finding?.state).toBe(broken.state ?? "problem");
    context.expect(finding?.message).toMatch(broken.says);
    context.expect(finding?.mend ?? finding?.message).toMatch(broken.mend);
  } finally {
    await repair();
  }
});

test("A program gets the same as JSON on stdout, and an exit code that says that there are problems.", async () => {
  setHooks(cloud);
  try {
    const { exitCode, out, err } = await runAgents(["doctor", "--json"]);
    expect(exitCode).toBe(exitCodes.doctorFoundProblems);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ stage: "local", healthy: false });
    expect(report.checks.find(({ id }: { id: string }) => id === "stream-hook").findings).toMatchObject([
      { state: "problem" },
    ]);
    expect(err).toBe("1 to mend: stream-hook\n");
  } finally {
    repairHooks(cloud);
  }
});
