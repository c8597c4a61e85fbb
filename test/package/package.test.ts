import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { findIn } from "../caller/evidence.ts";
import { isVoice, Person } from "../caller/person.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import { sharedBundles } from "../support/bundles.ts";
import { signal } from "../support/signals.ts";
import { installPackage, nodes, run, userEnvironment } from "./installed.ts";

/** npm may have to fetch dependencies that its cache lacks. */
const installTimeoutMs = 180_000;
const joinTimeoutMs = 15_000;
const answerMs = 1_500;

const binaries = await nodes();
const root = path.resolve(import.meta.dirname, "../..");

let installed: Awaited<ReturnType<typeof installPackage>>;

beforeAll(async () => {
  installed = await installPackage();
}, installTimeoutMs);

afterAll(() => installed?.close());

test("The package holds what it promises and nothing of the project around it.", () => {
  const promised = [
    "LICENSE",
    "README.md",
    "package.json",
    "docs/http-api.md",
    "docs/live-check.md",
    "docs/migrating.md",
    "docs/unverified.md",
  ];
  const entries = ["index", "client", "events"];
  const endings = ["cjs", "mjs", "d.cts", "d.mts"];
  const built = ["NOTICES.txt", ...entries.flatMap((entry) => endings.map((ending) => `${entry}.${ending}`))];
  const files = [...promised, ...built.map((name) => `dist/package/${name}`)];
  expect(installed.packed).toEqual(expect.arrayContaining(files));
  const others = installed.packed.filter((name) => !files.includes(name));
  expect(others.filter((name) => !/^dist\/package\/types\/.*\.d\.cts$/.test(name))).toEqual([]);
});

test.each(binaries)("$version: import and require give the same things.", async ({ file }) => {
  const { code, stdout, stderr } = await run(file, ["same-classes.mjs"], installed.folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual(
    expect.arrayContaining(["BridgeError", "InvalidInputError", "StreamClient", "attachOpenAi", "connectOpenAi"]),
  );
});

test.each(binaries)("$version: the client of the HTTP API comes by import and by require.", async ({ file }) => {
  const { code, stdout, stderr } = await run(file, ["client.mjs"], installed.folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual(["unreachable", "unreachable"]);
});

describe("types", () => {
  const packageImport = /\b(?:from|import) ?\(?"((?:@[^/"]+\/)?[^./"][^/"]*)/g;

  test("The declarations name no package but Stream's SDK and OpenAI's, which bring their own.", async () => {
    const files = installed.packed.filter((name) => name.endsWith("ts"));
    const packages = new Set<string | undefined>();
    for (const file of files) {
      const text = await readFile(path.join(installed.folder, "node_modules", "stream-agent-bridge", file), "utf8");
      for (const [, name] of text.matchAll(packageImport)) packages.add(name);
    }
    expect([...packages].toSorted()).toEqual(["@stream-io/node-sdk", "openai"]);
  });

  /** What the compiler says about our files; that the SDK's own declarations have errors is not for us to hide or to mend. */
  const complaints = async (module: string, file: string): Promise<string[]> => {
    const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
    const flags = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--types", "node"];
    const { stdout } = await run(process.execPath, [compiler, ...flags, "--module", module, file], installed.folder);
    return stdout.split("\n").filter((line) => /^(agent|client|.*stream-agent-bridge\/).*error TS/.test(line));
  };

  test.each([
    { module: "nodenext", file: "agent.mts" },
    { module: "nodenext", file: "agent.cts" },
    { module: "commonjs", file: "agent.ts" },
    { module: "preserve", file: "agent.ts" },
  ])("$module, $file: a program of strict TypeScript compiles.", async ({ module, file }) => {
    await copyFile(path.join(import.meta.dirname, "typed-agent.ts"), path.join(installed.folder, file));
    expect(await complaints(module, file)).toEqual([]);
  });

  test.each([
    { module: "nodenext", file: "client-typed.mts" },
    { module: "nodenext", file: "client-typed.cts" },
    { module: "preserve", file: "client-typed.ts" },
  ])("$module, $file: a program that uses the HTTP API compiles.", async ({ module, file }) => {
    const source = await readFile(path.join(import.meta.dirname, "typed-client.ts"), "utf8");
    const program = source
      .replace("../../bridge-task/in-call/events.ts", "stream-agent-bridge/events")
      .replace("../../functions/api/client.ts", "stream-agent-bridge/client");
    await writeFile(path.join(installed.folder, file), program);
    expect(await complaints(module, file)).toEqual([]);
  });
});

describe("the first example of Stream's documentation", () => {
  let cloud: Cloud;

  beforeAll(async () => {
    cloud = await startCloud({ bundles: await sharedBundles() });
    // This app's only agent is the one that the example puts into the call.
    cloud.stream.setWebhook(null);
    const speech = { signal: "answer", durationMs: answerMs };
    cloud.openai.mind.add([{ when: { heard: "How are you" }, reply: { text: "Fine.", speech } }]);
  });

  afterAll(() => cloud?.close());

  const startAgent = (node: string, script: string, callId: string): { child: ChildProcess; stderr: () => string } => {
    const { info } = cloud;
    const child = spawn(node, [script], {
      cwd: installed.folder,
      stdio: ["pipe", "ignore", "pipe"],
      env: {
        ...userEnvironment(),
        STREAM_API_KEY: info.streamApiKey,
        STREAM_API_SECRET: info.streamApiSecret,
        STREAM_BASE_URL: info.streamServerBaseUrl,
        OPENAI_API_KEY: info.openAiApiKey,
        OPENAI_BASE_URL: info.openAiBaseUrl,
        NODE_EXTRA_CA_CERTS: info.caFile,
        CALL_ID: callId,
      },
    });
    let written = "";
    child.stderr?.on("data", (chunk) => {
      written += chunk;
    });
    onTestFinished(() => void child.kill());
    return { child, stderr: () => written };
  };

  const cases = binaries.flatMap((node) => ["agent.cjs", "agent.mjs"].map((script) => ({ ...node, script })));

  test.each(cases)("$version, $script: an agent is in the call, is heard, and leaves.", async ({ file, script }) => {
    const call = { type: "default", id: `page-${randomUUID().slice(0, 8)}` };
    const present = () => cloud.stream.sfu.participants(`default:${call.id}`).map(({ user }) => user.id);
    const ann = await Person.join({ info: cloud.info, call, userId: "ann" });
    onTestFinished(() => ann.leave());

    const { child, stderr } = startAgent(file, script, call.id);
    const exited = once(child, "exit");
    const voice = ann.hears(isVoice, joinTimeoutMs, "the agent's voice");
    await Promise.race([voice, exited.then(([code]) => Promise.reject(new Error(`exit ${code}: ${stderr()}`)))]);
    await ann.hearsSilence(500, 5_000);
    expect(present().toSorted()).toEqual(["ann", "lucy"]);
    expect(findIn(ann.heard(), signal("answer", answerMs))).toMatchObject({ heard: true });

    child.stdin?.end();
    expect(await exited).toEqual([0, null]);
    expect(present()).toEqual(["ann"]);
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = cloud.info;
    const client = new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl });
    await client.video.call("default", call.id).end();
  });
});
