import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bundle } from "../../infra/build/bundles.ts";
import { leastScore } from "../caller/evidence.ts";
import { isVoice } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import { correlate, signal } from "../support/signals.ts";
import { Scene, startStage } from "./stage.ts";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);

/** A copy of what is built, with the packages of this one. */
const copyProject = async (): Promise<string> => {
  const project = await mkdtemp(path.join(os.tmpdir(), "new-tool-"));
  const parts = ["bridge-task", "functions", "infra", "package.json", "tsconfig.json"];
  await Promise.all(parts.map((part) => cp(path.join(root, part), path.join(project, part), { recursive: true })));
  await symlink(path.join(root, "node_modules"), path.join(project, "node_modules"));
  return project;
};

/** The file that the README tells to write: its path and its text. */
const fileOfReadme = async (): Promise<{ file: string; text: string }> => {
  const readme = await readFile(path.join(root, "README.md"), "utf8");
  const [, file, text] = /^```ts\n\/\/ (functions\/tools\/[^/\n]+\.ts)\n([\s\S]+?)^```$/m.exec(readme) ?? [];
  if (file === undefined || text === undefined) throw new Error("the README shows no file of functions/tools");
  return { file, text };
};

const build = async (project: string): Promise<Bundle[]> => {
  const script = `
    import { buildBundles } from "./infra/build/bundles.ts";
    const bundles = await buildBundles();
    console.log(JSON.stringify(bundles.map((bundle) => ({ ...bundle, metafile: { inputs: {}, outputs: {} } }))));
  `;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", script], { cwd: project });
  return JSON.parse(stdout);
};

let project: string;
let cloud: Cloud;
let bundles: Bundle[];

beforeAll(async () => {
  project = await copyProject();
  const { file, text } = await fileOfReadme();
  await writeFile(path.join(project, file), text);
  bundles = await build(project);
  cloud = await startStage({ bundles });
});

afterAll(async () => {
  await cloud?.close();
  if (project) await rm(project, { recursive: true, force: true });
});

test("the README's tool passes the type check", async () => {
  const settings = { extends: "./tsconfig.json", include: ["functions/tools"], exclude: [] };
  await writeFile(path.join(project, "tsconfig.tool.json"), JSON.stringify(settings));
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const checked = execute(process.execPath, [compiler, "-p", "tsconfig.tool.json"], { cwd: project });
  expect(await checked.catch(({ stdout }) => ({ stdout }))).toMatchObject({ stdout: "" });
});

test("a new file in functions/tools is a function that an agent uses in a call", async () => {
  expect(bundles.map(({ name }) => name)).toContain("tool-order_status");
  cloud.openai.mind.add([
    {
      when: { after: "user" },
      reply: { toolCalls: [{ name: "order_status", arguments: { order: "A-1042" }, callId: "call_order" }] },
      times: 1,
    },
    { when: { after: "tool" }, reply: { text: "It says {output}.", speech: { signal: "status" } } },
  ]);
  const scene = new Scene(cloud);
  // No agent takes the call by itself: the application asks for one.
  await scene.create({ custom: { agent: false } });
  const ann = await scene.join("ann");
  try {
    const nova = { user: { id: "nova" }, tools: ["order_status"], data: { customer: "c-7" } };
    expect((await scene.post(nova)).status).toBe(202);
    await scene.agentJoins("nova");
    const { lastPacketAtMs } = await ann.say(signal("where is my order"));
    await ann.hears(isVoice, 10_000, "the answer", lastPacketAtMs);
    await ann.hearsSilence(1_000, 10_000);

    expect(correlate(ann.heard(), signal("status")).score).toBeGreaterThan(leastScore);
    const invoked = cloud.log.since().filter(({ type }) => type === "lambda.invoked");
    expect(invoked.filter(({ data }) => data.function === "tool-order_status")).toHaveLength(1);
    const outputs = scene.modelEvents().flatMap(({ type, data }) => {
      const { item } = (data.event ?? {}) as { item?: { type?: string; call_id?: string; output?: string } };
      return type === "client.conversation.item.create" && item?.type === "function_call_output" ? [item] : [];
    });
    expect(outputs).toMatchObject([{ call_id: "call_order" }]);
    expect(JSON.parse(outputs[0]?.output ?? "")).toEqual({ order: "A-1042", status: "on its way", customer: "c-7" });
  } finally {
    await ann.leave();
    await scene.streamCall.end();
    await scene.taskEnds(10_000);
  }
});
