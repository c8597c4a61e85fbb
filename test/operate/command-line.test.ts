import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { afterAll, expect, test } from "vitest";
import { BridgeError, TimeoutError } from "../../bridge-task/errors.ts";
import { AgentsApiError } from "../../functions/api/client-error.ts";
import { fromAws, isAccessDenied } from "../../infra/operate/cli/aws-failure.ts";
import { callOf } from "../../infra/operate/cli/call-id.ts";
import { joinRequestOf } from "../../infra/operate/cli/commands/join.ts";
import { type CommandError, exitCodes, fromApi } from "../../infra/operate/cli/failure.ts";
import { parseDeployment } from "../../infra/operate/cli/find-deployment.ts";
import { fieldsOf, isOfCall, readableLine } from "../../infra/operate/cli/log-line.ts";
import { runProgram } from "../../infra/operate/cli/program.ts";
import { spanMsOf } from "../../infra/operate/cli/since.ts";
import { stageOf } from "../../infra/operate/cli/stage.ts";
import { spanOf, tableOf } from "../../infra/operate/cli/terminal.ts";
import { Found, fact, ok, problem, UnknownFact } from "../../infra/operate/doctor/check.ts";
import { stateFindings } from "../../infra/operate/doctor/checks/functions.ts";
import { fargateFinding, lambdaFinding } from "../../infra/operate/doctor/checks/quotas.ts";
import { problemsOf, reportText } from "../../infra/operate/doctor/report.ts";
import { runChecks } from "../../infra/operate/doctor/run-checks.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "agents-"));
afterAll(() => rmSync(folder, { recursive: true }));

const errorOf = (work: () => unknown): CommandError => {
  try {
    work();
  } catch (error) {
    return error as CommandError;
  }
  throw new Error("nothing was thrown");
};

const named = (name: string, message = ""): Error => Object.assign(new Error(message), { name });

const run = async (args: string[]) => {
  let [out, err] = ["", ""];
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
  };
  const { signal } = new AbortController();
  return { exitCode: await runProgram(args, { terminal, environment: {}, folder, signal }), out, err };
};

test("The stage is what --stage says, else SST_STAGE, else what sst wrote down; and has to be one.", () => {
  expect(stageOf({ option: "a", environment: { SST_STAGE: "b" }, folder })).toBe("a");
  expect(stageOf({ option: undefined, environment: { SST_STAGE: "b" }, folder })).toBe("b");
  expect(errorOf(() => stageOf({ option: undefined, environment: {}, folder }))).toMatchObject({
    exitCode: exitCodes.usage,
  });
  mkdirSync(path.join(folder, ".sst"));
  writeFileSync(path.join(folder, ".sst", "stage"), "c\n");
  expect(stageOf({ option: undefined, environment: {}, folder })).toBe("c");
  for (const option of ["a/b", ""]) {
    expect(errorOf(() => stageOf({ option, environment: { SST_STAGE: "b" }, folder })).message).toContain(
      "letters, digits",
    );
  }
});

test.for([
  ["default:42", { type: "default", id: "42" }],
  ["42", { type: "default", id: "42" }],
  ["audio_room:a-b_c", { type: "audio_room", id: "a-b_c" }],
] as const)("%s is a call.", ([text, call], { expect }) => {
  expect(callOf(text)).toEqual(call);
});

test.for(["", ":", "default:", ":42", "a:b:c", "a b", "default:a/b"])(
  '"%s" is no call, and the command line is wrong.',
  (text, { expect }) => {
    expect(errorOf(() => callOf(text))).toMatchObject({ exitCode: exitCodes.usage });
  },
);

test("Spans of time are read and written.", () => {
  expect(["90s", "30m", "1h", "2d"].map(spanMsOf)).toEqual([90_000, 1_800_000, 3_600_000, 172_800_000]);
  for (const wrong of ["", "1", "h", "0h", "1.5h", "1w", "-1h", "100000s"]) {
    expect(
      errorOf(() => spanMsOf(wrong)),
      wrong,
    ).toMatchObject({ exitCode: exitCodes.usage });
  }
  expect([12_000, 185_000, 7_620_000, -5].map(spanOf)).toEqual(["12 s", "3 min 05 s", "2 h 07 min", "0 s"]);
});

test("Tables have columns of one width and no spaces at the end.", () => {
  expect(
    tableOf(
      ["A", "LONG"],
      [
        ["value", ""],
        ["v", "x"],
      ],
    ),
  ).toBe("A      LONG\nvalue\nv      x\n");
});

test("A line of a log is found by its call, however Lambda wraps it, and not by a call whose id only begins so.", () => {
  const line = '{"time":"t","level":"info","event":"api","callCid":"default:4","status":200}';
  const wrapped = [JSON.stringify({ timestamp: "t", message: JSON.parse(line) }), JSON.stringify({ message: line })];
  for (const text of [line, ...wrapped, '{"event":"x","call":"default:4"}'])
    expect(isOfCall(text, "default:4")).toBe(true);
  expect(isOfCall('{"event":"x","call":"default:42"}', "default:4")).toBe(false);
  expect(isOfCall("START default:4", "default:4")).toBe(false);
  expect(fieldsOf(wrapped[0] ?? "")).toMatchObject({ event: "api" });
});

test("A line is shown to people with when, who and what, and the rest by name; what is no event is shown as it is.", () => {
  const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  const text = '{"time":"t","level":"warn","event":"sweep_failed","call":"a:b","detail":"two words","n":3,"o":{"p":1}}';
  expect(readableLine({ source: "sweep", atMs, text })).toBe(
    '2026-01-02 03:04:05.006  sweep         warn   sweep_failed  detail="two words"  n=3  o={"p":1}',
  );
  expect(readableLine({ source: "webhook", atMs, text: "REPORT Duration\n" })).toBe(
    "2026-01-02 03:04:05.006  webhook       REPORT Duration",
  );
});

test("What AWS refuses is said in words that help, and the exit code tells no access from no luck.", () => {
  const denied = named("AccessDeniedException", "User x is not authorized to perform: ssm:GetParameter on resource: y");
  expect(fromAws("reading", denied)).toMatchObject({ exitCode: exitCodes.notDeployed });
  expect(fromAws("reading", denied).message).toContain("allow ssm:GetParameter");
  expect(isAccessDenied(fromAws("reading", denied))).toBe(true);
  expect(fromAws("reading", named("ExpiredTokenException")).message).toContain("aws sso login");
  expect(fromAws("reading", new Error("Region is missing"))).toMatchObject({ exitCode: exitCodes.notDeployed });
  const wrapped = new BridgeError("table_failed", "the table did not take it", { cause: denied });
  expect(fromAws("reading", wrapped)).toMatchObject({ exitCode: exitCodes.notDeployed });
  expect(isAccessDenied(wrapped)).toBe(true);
  expect(fromAws("reading", new TypeError("Invalid URL")).message).toContain("AWS_ENDPOINT_URL");
  expect(fromAws("reading", new TimeoutError("reading", 5))).toMatchObject({ exitCode: exitCodes.failed });
  expect(fromAws("reading", named("ThrottlingException", "slow down")).message).toBe(
    "reading: ThrottlingException: slow down; try again",
  );
});

test("A deployment of another version says what it lacks.", () => {
  expect(errorOf(() => parseDeployment("s", "{")).message).toContain("no JSON");
  expect(errorOf(() => parseDeployment("s", '{"stage":"s"}')).message).toMatch(
    /does not say agentsUrl.*sst deploy --stage s/,
  );
});

test("What is said on the command line becomes the request for an agent.", async () => {
  expect(await joinRequestOf({})).toEqual({ agent: "lucy" });
  expect(await joinRequestOf({ agent: "lucy", user: "lu", voice: "cedar" })).toEqual({
    agent: "lucy",
    user: { id: "lu" },
    session: { voice: "cedar" },
  });
  const file = path.join(folder, "max.txt");
  writeFileSync(file, "You are Max.");
  expect(
    await joinRequestOf({
      user: "max",
      name: "Max",
      instructions: `@${file}`,
      greeting: "Hello.",
      tool: ["end_call"],
      model: "m",
    }),
  ).toEqual({
    user: { id: "max", name: "Max" },
    session: { instructions: "You are Max." },
    greeting: "Hello.",
    tools: ["end_call"],
    model: "m",
  });
  await expect(joinRequestOf({ user: "max" })).rejects.toThrow("needs --instructions");
  await expect(joinRequestOf({ user: "max", instructions: "@/no/such/file" })).rejects.toThrow("cannot be read");
});

test.for([
  [["--help"], exitCodes.ok, /Exit codes:[\s\S]*5 {4}doctor found problems/, /^$/],
  [
    ["join", "--help"],
    exitCodes.ok,
    /Global Options:\n {2}--stage <stage>[\s\S]*Examples:\n {2}npm run agents -- join/,
    /^$/,
  ],
  [["dance"], exitCodes.usage, /^$/, /unknown command 'dance'/],
  [["say", "default:1"], exitCodes.usage, /^$/, /missing required argument 'text'/],
  [["list", "--stage", "a b"], exitCodes.usage, /^$/, /no name of a stage/],
  [["logs", "default:1", "--since", "soon", "--stage", "s"], exitCodes.usage, /^$/, /--since soon/],
] as const)(
  "agents %s: help goes to stdout, complaints to stderr, and the exit code says which.",
  async ([args, exitCode, out, err], { expect }) => {
    const answer = await run([...args]);
    expect(answer.exitCode).toBe(exitCode);
    expect(answer.out).toMatch(out);
    expect(answer.err).toMatch(err);
  },
);

test("Checks run on after one fails; what builds on a missing fact is skipped, and only its owner tells of it.", async () => {
  let askedCount = 0;
  const missing = fact<string>("owner", async () => {
    askedCount += 1;
    throw new Found(problem("it is gone", "bring it back"));
  });
  const results = await runChecks([
    { id: "builds-on-it", title: "B", run: async () => ok(await missing()) },
    { id: "owner", title: "O", run: async () => ok(await missing()) },
    { id: "throws", title: "T", run: () => Promise.reject(new Error("no")) },
    {
      id: "denied",
      title: "D",
      run: () => Promise.reject(named("AccessDeniedException", "not authorized to perform: ecs:X")),
    },
    { id: "well", title: "W", run: async () => ok("well") },
  ]);
  expect(askedCount).toBe(1);
  await expect(missing()).rejects.toThrow(UnknownFact);
  expect(results.map(({ id, findings }) => [id, findings[0]?.state])).toEqual([
    ["builds-on-it", "skipped"],
    ["owner", "problem"],
    ["throws", "problem"],
    ["denied", "warn"],
    ["well", "ok"],
  ]);
  expect(problemsOf(results).map(({ id }) => id)).toEqual(["owner", "throws"]);
  const text = reportText(results);
  expect(text).toContain("✗ O  it is gone\n     → bring it back\n");
  expect(text).toContain("5 checks: 2 to mend, 1 to know, 1 not looked at");
});

test("A function that a deploy is just changing is nothing to mend.", () => {
  const states = [{ State: "Pending" }, { LastUpdateStatus: "InProgress" }, { State: "Inactive" }, { State: "Failed" }];
  expect(
    states.map((found) => stateFindings("f", found as FunctionConfiguration, "s").map(({ state }) => state)),
  ).toEqual([["warn"], ["warn"], [], ["problem"]]);
});

test("A request that AWS itself finds too large is said to be so.", () => {
  const tooLarge = new AgentsApiError({ status: 413, code: "bad_answer", message: "" });
  expect(fromApi(tooLarge)).toMatchObject({ exitCode: exitCodes.usage });
  expect(fromApi(tooLarge).message).toContain("shorten the texts");
});

test("A quota is a problem where nothing can run, something to know where not all can, and well where it is enough.", () => {
  const of = { taskVcpu: 2, callsAtOnce: 10, capacity: "spot" } as const;
  expect([1, 6, 20].map((vcpu) => fargateFinding(vcpu, of).state)).toEqual(["problem", "warn", "ok"]);
  expect(fargateFinding(1, of).mend).toContain("L-36FBB829 --desired-value 20");
  expect([10, 1_000].map((count) => lambdaFinding(count, of).state)).toEqual(["warn", "ok"]);
});
