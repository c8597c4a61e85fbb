import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readKeys } from "./keys.ts";
import { readLiveArguments, readLiveSettings } from "./settings.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "live-settings-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const write = async (text: string): Promise<string> => {
  const envFile = path.join(folder, "env");
  await writeFile(envFile, text);
  return envFile;
};
const absent = () => path.join(folder, "absent");
const all = { STREAM_API_KEY: "k", STREAM_API_SECRET: "s", OPENAI_API_KEY: "o" };

test("keys come from .env, and what the environment says goes before it", async () => {
  const envFile = await write('STREAM_API_KEY=file\nSTREAM_API_SECRET="quoted # secret"\nOPENAI_API_KEY=file\n');
  expect(readKeys({ envFile, environment: { OPENAI_API_KEY: " environment \n" } })).toEqual({
    streamApiKey: "file",
    streamApiSecret: "quoted # secret",
    openAiApiKey: "environment",
  });
});

test("keys come as editors and shells leave them in .env", async () => {
  const envFile = await write(
    "\uFEFFSTREAM_API_KEY=one\r\nexport STREAM_API_SECRET = 'two' \r\n\r\n# a note\r\nOPENAI_API_KEY=\"three\"  # mine\r\n",
  );
  expect(readKeys({ envFile, environment: {} })).toEqual({
    streamApiKey: "one",
    streamApiSecret: "two",
    openAiApiKey: "three",
  });
});

test("a placeholder that was left in a key is told as such, without the value", () => {
  const read = () => readKeys({ envFile: absent(), environment: { ...all, OPENAI_API_KEY: "sk-…" } });
  expect(read).toThrow("OPENAI_API_KEY holds a character that no key has");
  expect(read).not.toThrow("sk-");
});

test("each missing key is named, with an example of what to write, and no key's value", () => {
  const read = () => readKeys({ envFile: absent(), environment: { STREAM_API_SECRET: "do-not-print" } });
  expect(read).toThrow(/STREAM_API_KEY {3}\(.+\)\n.+OPENAI_API_KEY {3}\(/);
  expect(read).toThrow("  STREAM_API_KEY=…\n  STREAM_API_SECRET=…\n  OPENAI_API_KEY=…");
  expect(read).not.toThrow(/STREAM_API_SECRET {3}\(|do-not-print/);
});

test("a key that is only asked of one service is not missing of the other", () => {
  const environment = { STREAM_API_KEY: "k", STREAM_API_SECRET: "s" };
  expect(readKeys({ envFile: absent(), environment, services: ["stream"] })).toMatchObject({ openAiApiKey: "" });
});

test("other servers lose the slash at their end, and have to be URLs", () => {
  const environment = { ...all, STREAM_BASE_URL: "http://127.0.0.1:1/", OPENAI_BASE_URL: "https://localhost/v1/" };
  expect(readKeys({ envFile: absent(), environment })).toMatchObject({
    streamBaseUrl: "http://127.0.0.1:1",
    openAiBaseUrl: "https://localhost/v1",
  });
  const wrong = { ...all, STREAM_BASE_URL: "localhost:1" };
  expect(() => readKeys({ envFile: absent(), environment: wrong })).toThrow("STREAM_BASE_URL must be");
});

test.each([
  [{}, false, ["default"]],
  [{ CALL_TYPES: "default, livestream" }, false, ["default", "livestream"]],
  [{ CALL_TYPES: "none" }, false, []],
  [{ CALL_TYPES: "default" }, true, []],
])("CALL_TYPES %j, posts only %j: agents are asked about %j", (more, postsOnly, callTypes) => {
  const environment = { ...all, ...more };
  expect(readLiveSettings({ postsOnly }, { envFile: absent(), environment }).callTypes).toEqual(callTypes);
});

test("CALL_TYPES may come from .env, and commas alone are no types", async () => {
  const envFile = await write("CALL_TYPES=audio_room\n");
  expect(readLiveSettings({ postsOnly: false }, { envFile, environment: all }).callTypes).toEqual(["audio_room"]);
  const environment = { ...all, CALL_TYPES: " , " };
  expect(() => readLiveSettings({ postsOnly: false }, { envFile, environment })).toThrow("CALL_TYPES must be");
});

test("an argument that is none is told", () => {
  expect(readLiveArguments(["--posts-only"])).toEqual({ help: false, postsOnly: true });
  expect(() => readLiveArguments(["--post-only"])).toThrow("--post-only");
});
