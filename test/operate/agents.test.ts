import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../infra/operate/cli/failure.ts";
import { isVoice, type Person } from "../caller/person.ts";
import { Scene } from "../calls/stage.ts";
import type { Cloud, CloudInfo } from "../cloud/index.ts";
import { awsEnvironment, runAgents, startOperatedCloud } from "./operated-cloud.ts";

const root = path.resolve(import.meta.dirname, "../..");

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startOperatedCloud();
});

afterAll(() => cloud?.close());

/** The command as people start it, in a process of its own. */
const start = (
  args: readonly string[],
  { out = "pipe", info = cloud.info }: { out?: number | "pipe"; info?: CloudInfo } = {},
) => {
  const child = spawn(process.execPath, [path.join(root, "infra/operate/agents.ts"), ...args], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      ...awsEnvironment(info),
      NODE_EXTRA_CA_CERTS: info.caFile,
      SST_STAGE: "local",
    },
    stdio: ["ignore", out, "pipe"],
  });
  const told = { out: "", err: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    told.out += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    told.err += text;
  });
  const ended = once(child, "close").then(([exitCode]) => ({ exitCode, ...told }));
  return { child, ended };
};

const json = async (...args: string[]) => {
  const { exitCode, out, err } = await runAgents([...args, "--json"]);
  expect(err).toBe("");
  expect(exitCode).toBe(exitCodes.ok);
  return JSON.parse(out);
};

test("An agent is brought into a call, told something, watched, sent away, and leaves a record: by commands alone.", async () => {
  // Not a call that she would join by herself.
  const scene = new Scene(cloud);
  await scene.create({ custom: { agent: false } });
  const ann: Person = await scene.join("ann");
  const { cid } = scene;

  expect(await runAgents(["leave", cid])).toMatchObject({ exitCode: exitCodes.notFound });
  const joined = await runAgents(["join", cid, "--user", "max", "--instructions", "You are Max.", "--voice", "cedar"]);
  expect(joined).toEqual({ exitCode: exitCodes.ok, out: `max is on its way to ${cid}\n`, err: "" });
  await scene.agentJoins("max");
  expect((await json("join", cid, "--user", "max", "--instructions", "You are Max.")).outcome).toBe("present");

  const [listed] = await json("list");
  expect(listed).toMatchObject({ call: cid, userId: "max", state: "running" });
  const shown = await runAgents(["list"]);
  expect(shown.out.split("\n")[0]).toMatch(/^CALL +AGENT +STATE +SINCE \(UTC\) +FOR$/);
  expect(shown.out).toMatch(new RegExp(`^${cid} +max +running +20`, "m"));

  expect(await runAgents(["say", cid, "Hello?", "--user", "nobody"])).toMatchObject({
    exitCode: exitCodes.notFound,
    err: `nobody is not in ${cid}. Who is: npm run agents -- list ${cid}\n`,
  });
  expect(await runAgents(["say", cid, "The parcel has arrived."])).toMatchObject({ exitCode: exitCodes.ok });
  await ann.hears(isVoice, 15_000, "Max", 0);

  // Where there are two, one has to be named.
  await json("join", cid, "--agent", "lucy");
  await scene.agentJoins("lucy");
  expect(await runAgents(["say", cid, "Hello?"])).toMatchObject({
    exitCode: exitCodes.usage,
    err: expect.stringMatching(/max \(running\)|lucy \(/),
  });
  expect(await runAgents(["leave", cid, "--user", "lucy"])).toMatchObject({ exitCode: exitCodes.ok });

  expect(await runAgents(["record", cid, "--user", "max"])).toMatchObject({ exitCode: exitCodes.notFound });
  expect(await runAgents(["leave", cid, "--user", "max"])).toMatchObject({ exitCode: exitCodes.ok });
  await scene.record("max");
  const record = await json("record", cid, "--user", "max");
  expect(record).toMatchObject({ call: { cid }, agent: { userId: "max" }, reason: "removed" });
  expect((await runAgents(["record", cid, "--user", "max"])).out).toMatch(/^left because +removed/m);

  const { out } = await runAgents(["logs", cid]);
  const lines = out.trimEnd().split("\n");
  expect(lines.some((line) => / {2}bridge +info +claim_confirmed/.test(line))).toBe(true);
  expect(lines.some((line) => / {2}webhook +info +api .*method=POST/.test(line))).toBe(true);
  expect(lines.map((line) => line.slice(0, 23))).toEqual(lines.map((line) => line.slice(0, 23)).toSorted());
  const raw = await runAgents(["logs", cid, "--json", "--since", "10m"]);
  expect(
    raw.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .every((line) => (line.call ?? line.callCid) === cid),
  ).toBe(true);
  await ann.leave();
});

test("Followed, a log goes on with what is new, tells nothing twice, and ends well at Ctrl-C.", async () => {
  const { aws, deployment } = cloud;
  const say = (event: string) =>
    aws.logs.put(
      deployment.logGroups.bridge,
      "task",
      JSON.stringify({ level: "info", event, call: "default:followed" }),
    );
  say("first");
  const { child, ended } = start(["logs", "default:followed", "--follow"]);
  const told = (text: string) =>
    new Promise<void>((resolve) => child.stdout?.on("data", (chunk: string) => chunk.includes(text) && resolve()));
  try {
    await told("first");
    const second = told("second");
    say("second");
    await second;
  } finally {
    child.kill("SIGINT");
  }
  const { exitCode, out } = await ended;
  expect(exitCode).toBe(exitCodes.ok);
  expect(out.match(/first|second/g)).toEqual(["first", "second"]);
});

test("env prints what an application needs; --rotate makes a new key that the API takes at once, and no longer the old one.", async () => {
  const { agentsUrl, agentsKey } = cloud.info;
  const before = await runAgents(["env"]);
  expect(before).toEqual({
    exitCode: exitCodes.ok,
    out: `AGENTS_URL=${agentsUrl}\nAGENTS_KEY=${agentsKey}\n`,
    err: "",
  });
  const status = async (key: string) =>
    (await fetch(`${agentsUrl}/calls/default/1/agents`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await status(agentsKey)).toBe(200);

  const restarted: string[] = [];
  cloud.aws.authorize = ({ action, resource }) => {
    if (action === "lambda:UpdateFunctionConfiguration") restarted.push(resource.split(":").at(-1) ?? "");
    return undefined;
  };
  const { exitCode, out, err } = await runAgents(["env", "--rotate", "--json"]).finally(() => {
    cloud.aws.authorize = undefined;
  });
  // Nobody else has the key.
  expect(restarted).toEqual(["webhook"]);
  expect(exitCode, err).toBe(exitCodes.ok);
  const { AGENTS_KEY: key } = JSON.parse(out);
  expect(key).toMatch(/^[A-Za-z0-9]{40}$/);
  expect([await status(key), await status(agentsKey)]).toEqual([200, 401]);
  expect(err).toContain("sign with the old key until they leave");
  expect((await runAgents(["list"])).exitCode).toBe(exitCodes.ok);
});

test("Where a new key is only half made, it is said what there is and what to do; made again, all is well.", async () => {
  cloud.aws.authorize = ({ action, resource }) =>
    action === "lambda:UpdateFunctionConfiguration" && resource.endsWith("webhook")
      ? `User: operator is not authorized to perform: ${action}`
      : undefined;
  const denied = await runAgents(["env", "--rotate"]).finally(() => {
    cloud.aws.authorize = undefined;
  });
  expect(denied).toMatchObject({ exitCode: exitCodes.notDeployed, out: "" });
  expect(denied.err).toMatch(/allow lambda:UpdateFunctionConfiguration.*The new key is stored.*run env --rotate again/);

  const stop = new AbortController();
  const stopped = await runAgents(["env", "--rotate"], { signal: stop.signal, onErr: () => stop.abort() });
  expect(stopped).toMatchObject({ exitCode: exitCodes.stopped, out: "" });
  expect(stopped.err).toMatch(/The new key is stored.*run env --rotate again/);

  expect((await runAgents(["env", "--rotate"])).exitCode).toBe(exitCodes.ok);
  expect((await runAgents(["list", "default:1"])).exitCode).toBe(exitCodes.ok);
});

test("Who may not read the calls table is told which right is missing.", async () => {
  cloud.aws.authorize = ({ action }) =>
    action === "dynamodb:Query" ? `User: operator is not authorized to perform: ${action}` : undefined;
  const answer = await runAgents(["list"]).finally(() => {
    cloud.aws.authorize = undefined;
  });
  expect(answer).toMatchObject({ exitCode: exitCodes.notDeployed, out: "" });
  expect(answer.err).toMatch(/^reading the calls table: AWS does not allow it.*allow dynamodb:Query/);
});

test("Thousands of lines are told, each of them once and in order; --since may be longer than time is.", async () => {
  const { aws, deployment } = cloud;
  const count = 3_000;
  for (let index = 0; index < count; index++) {
    const line = { level: "info", event: "told", call: `default:${index % 2 === 0 ? "long" : "other"}`, index };
    aws.logs.put(deployment.logGroups.bridge, "long", JSON.stringify(line));
  }
  const { exitCode, out, err } = await runAgents(["logs", "long", "--json", "--since", "99999d"]);
  expect(exitCode, err).toBe(exitCodes.ok);
  const told = out.trimEnd().split("\n");
  expect(told.map((line) => JSON.parse(line).index)).toEqual(
    Array.from({ length: count / 2 }, (_, index) => index * 2),
  );
});

test.skipIf(!existsSync("/dev/full"))("A disk that is full is no success.", async () => {
  const full = openSync("/dev/full", "w");
  try {
    const { exitCode, err } = await start(["env"], { out: full }).ended;
    expect(exitCode).toBe(exitCodes.failed);
    expect(err).toMatch(/^the output cannot be written \(ENOSPC/);
  } finally {
    closeSync(full);
  }
});

test("As a process of its own, the doctor is content, and stdout is JSON alone.", async () => {
  const { exitCode, out, err } = await start(["doctor", "--json"]).ended;
  expect(
    JSON.parse(out).checks.flatMap(({ findings }: { findings: { state: string }[] }) =>
      findings.filter(({ state }) => state === "problem"),
    ),
  ).toEqual([]);
  expect(err).toBe("");
  expect(exitCode).toBe(exitCodes.ok);
});

test("On a fresh `npm run cloud` the doctor finds nothing to mend, and nothing to know.", async () => {
  const fresh = spawn(process.execPath, [path.join(root, "test/cloud/main.ts"), "--json"], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    let line = "";
    for await (const told of createInterface({ input: fresh.stdout })) {
      line = told;
      break;
    }
    const info: CloudInfo = JSON.parse(line);
    const { exitCode, out, err } = await start(["doctor"], { info }).ended;
    expect({ exitCode, err }, out).toEqual({ exitCode: exitCodes.ok, err: "" });
    expect(out).toMatch(/^\d+ checks: 0 to mend, 0 to know, 0 not looked at$/m);
  } finally {
    const closed = once(fresh, "close");
    fresh.kill();
    await closed;
  }
});

test("A stage that is not there is named with those that are, without a stack, and the exit code says so.", async () => {
  const { exitCode, out, err } = await start(["list", "--stage", "prod"]).ended;
  expect({ exitCode, out }).toEqual({ exitCode: exitCodes.notDeployed, out: "" });
  expect(err).toMatch(
    /^nothing is deployed as stage "prod" in us-east-1 \(there are: local\): .*npx sst deploy --stage prod\n$/,
  );
});
