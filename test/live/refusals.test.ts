import { StreamClient } from "@stream-io/node-sdk";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { hookIdOf, hookUrlOf } from "../../functions/registration/hook.ts";
import { type Elsewhere, LiveProcess, startElsewhere } from "./live-process.ts";

const production = { stage: "production", place: "0123abcd" };

let elsewhere: Elsewhere;
let live: LiveProcess | undefined;
beforeAll(async () => {
  elsewhere = await startElsewhere();
});
afterEach(async () => {
  await live?.kill();
  live = undefined;
});
afterAll(() => elsewhere?.close());

/** Runs until it ends by itself: its exit code and everything that it printed. */
const run = async (more: Record<string, string>, args: readonly string[] = []) => {
  live = new LiveProcess({ ...elsewhere.environment, ...more }, args);
  const code = await live.exited;
  return { code, output: live.output };
};

/** Nothing was started, and no key was printed. */
const expectNothingElse = (output: string) => {
  expect(output).not.toContain("AGENTS_URL=");
  expect(output).not.toContain("listening");
  for (const secret of ["their-secret", "wrong-secret", "sk-"]) expect(output).not.toContain(secret);
};

test("--help says what is needed and what differs, and asks for no key", async () => {
  const { code, output } = await run({ STREAM_API_KEY: "", STREAM_API_SECRET: "" }, ["--help"]);
  expect(code).toBe(0);
  expect(output).toContain("STREAM_API_SECRET=…");
  expect(output).toContain("What differs from a deployment");
});

test("a secret that is not the key's is told before anything is started", async () => {
  const { code, output } = await run({ STREAM_API_SECRET: "wrong-secret" });
  expect(code).toBe(1);
  expect(output).toContain("STREAM_API_SECRET is not the secret of STREAM_API_KEY");
  expectNothingElse(output);
});

test("a key that Stream does not know and one that OpenAI does not take are told together", async () => {
  const { code, output } = await run({ STREAM_API_KEY: "unknown", OPENAI_API_KEY: "sk-unknown" });
  expect(code).toBe(1);
  expect(output).toContain("Stream does not know STREAM_API_KEY");
  expect(output).toContain("OpenAI does not take OPENAI_API_KEY");
  expectNothingElse(output);
});

test("a service that does not answer is told by its address", async () => {
  const { code, output } = await run({ STREAM_BASE_URL: "http://127.0.0.1:9" });
  expect(code).toBe(1);
  expect(output).toContain("Stream could not be reached at http://127.0.0.1:9");
  expectNothingElse(output);
});

test("Ctrl-C while it starts ends it, and nothing is printed to be used", async () => {
  live = new LiveProcess(elsewhere.environment);
  await live.prints(/keys checked/);
  expect(await live.interrupt()).toBe(0);
  expectNothingElse(live.output);
});

test("an unknown argument is told, with where to read on", async () => {
  const { code, output } = await run({}, ["--posts"]);
  expect(code).toBe(2);
  expect(output).toContain("--posts");
  expect(output).toContain("--live --help");
});

test("the webhook of a deployed stage: it refuses, and says which stage and what to do", async () => {
  const { streamApiKey, streamApiSecret, streamServerBaseUrl } = elsewhere.info;
  const client = new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl });
  const webhook_url = hookUrlOf("https://production.example/webhooks/stream", { ...production, calls: "all" });
  const hook = { id: hookIdOf(production), hook_type: "webhook", enabled: true, webhook_url };
  await client.updateApp({ event_hooks: [hook] });
  try {
    const { code, output } = await run({});
    expect(code).toBe(1);
    expect(output).toContain(`stage production  ${webhook_url}`);
    expect(output).toContain("--posts-only");
    expectNothingElse(output);
  } finally {
    await client.updateApp({ event_hooks: [] });
  }
});
