import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { readKeys } from "../live/keys.ts";
import type { Row } from "./assumptions.ts";
import { readOptions } from "./options.ts";
import { redact, redactAll } from "./redact.ts";
import { exitCodeOf } from "./report.ts";
import { Steps } from "./steps.ts";
import { withoutContent } from "./wire-content.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "live-check-keys-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("keys come from the environment, and what it lacks from the file", () => {
  const envFile = path.join(folder, ".env");
  writeFileSync(envFile, "STREAM_API_KEY=of-file\nSTREAM_API_SECRET=of-file\nOPENAI_API_KEY=of-file\n");
  expect(readKeys({ envFile, environment: { STREAM_API_KEY: "of-environment" } })).toEqual({
    streamApiKey: "of-environment",
    streamApiSecret: "of-file",
    openAiApiKey: "of-file",
  });
});

test("every key that is missing is named, and one that nobody asks for is not", () => {
  const envFile = path.join(folder, "none");
  const missing = (services?: readonly ("stream" | "openai")[]) => {
    try {
      readKeys({ envFile, environment: { STREAM_API_KEY: "k" }, ...(services ? { services } : {}) });
    } catch (error) {
      return (error as InvalidInputError).message;
    }
    return "";
  };
  expect(missing()).toMatch(/STREAM_API_SECRET[\s\S]*OPENAI_API_KEY/);
  expect(missing()).not.toMatch(/STREAM_API_KEY /);
  expect(missing(["stream"])).not.toMatch(/OPENAI_API_KEY/);
});

test("texts are told without keys, tokens and whole addresses", () => {
  const text =
    "key s3cr3t at 10.20.30.40, token eyJhbGciOi.eyJ1c2VyIjoi.sig_nature, sk-proj-abcdef1234, fe80:0:0:1:2:3:4:5";
  expect(redact(text, ["s3cr3t", ""])).toBe("key (key) at 10.20.x.x, token (token), (key), (address)");
  expect(redact("2001:db8::1 and [::1]:5000 at 12:34:56 of org-AbCdEf1234567890", [])).toBe(
    "(address) and [(address)]:5000 at 12:34:56 of (account)",
  );
  expect(redactAll({ a: [text], at: "12:34:56" }, ["s3cr3t"])).toEqual({
    a: [redact(text, ["s3cr3t"])],
    at: "12:34:56",
  });
});

test("of messages only their form is kept, not what was said or heard", () => {
  const event = {
    type: "response.output_audio.delta",
    delta: "AAAA",
    item: { id: "item_1", content: [{ type: "output_audio", transcript: "My name is Ann." }] },
  };
  const kept = JSON.stringify(withoutContent(event));
  expect(kept).toContain("item_1");
  expect(kept).not.toContain("Ann");
  expect(kept).not.toContain("AAAA");
});

test("the exit code tells a difference from a run that could not be finished", () => {
  const row = (verdict: Row["verdict"]) => ({ verdict }) as Row;
  const done = { name: "a", status: "done", tookMs: 1 } as const;
  const failed = { name: "b", status: "failed", tookMs: 1 } as const;
  expect(exitCodeOf({ rows: [row("holds"), row("not seen")], steps: [done] })).toBe(0);
  expect(exitCodeOf({ rows: [row("holds"), row("differs")], steps: [done] })).toBe(1);
  expect(exitCodeOf({ rows: [row("holds"), row("differs")], steps: [done, failed] })).toBe(3);
});

test("a step that fails, or takes too long, is noted, and what needs it is skipped", async () => {
  const results: { name: string; status: string }[] = [];
  const steps = new Steps([], ({ name, status }) => results.push({ name, status }));
  const never = () => new Promise(() => undefined);
  await steps.run({ name: "one", timeoutMs: 1_000, work: () => Promise.reject(new Error("no")) });
  await steps.run({ name: "two", timeoutMs: 1_000, needs: ["one"], work: () => Promise.resolve() });
  await steps.run({ name: "three", timeoutMs: 10, work: never });
  await steps.run({ name: "four", timeoutMs: 1_000, work: () => Promise.resolve() });
  expect(results.map(({ name, status }) => `${name} ${status}`)).toEqual([
    "one failed",
    "two skipped",
    "three failed",
    "four done",
  ]);
});

test("arguments that mean nothing are refused with the usage", () => {
  const now = new Date("2026-01-02T03:04:05Z");
  expect(readOptions(["--only", "stream", "--yes"], now)).toMatchObject({ services: ["stream"], isAgreed: true });
  expect(readOptions([], now).json).toBe("out/live-check-2026-01-02T03-04-05-000Z.json");
  expect(() => readOptions(["--only", "aws"], now)).toThrow(InvalidInputError);
  expect(() => readOptions(["--nonsense"], now)).toThrow(/Usage/);
});
