import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Bundle, buildBundles } from "../../infra/bundles.ts";

let folder: string;
let bundle: Bundle;
let inputs: string[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "webhook-bundle-"));
  const [built] = await buildBundles(["webhook"], folder);
  if (!built) throw new Error("nothing was built");
  bundle = built;
  const [output] = Object.entries(built.metafile.outputs).filter(([file]) => file.endsWith(".mjs"));
  const kept = Object.entries(output?.[1].inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  inputs = kept.map(([file]) => file);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it("weighs at most 450 kB", () => {
  process.stdout.write(`webhook bundle: ${(bundle.bytes / 1000).toFixed(1)} kB\n`);
  expect(bundle.bytes).toBeLessThanOrEqual(450_000);
});

it("holds of the bridge only what functions may import", () => {
  const allowed = /^bridge-task\/(?:(?:job|errors|log|deadline|emitter)\.ts|agents\/[^/]+\/joins\.ts)$/;
  const fromBridge = inputs.filter((file) => file.startsWith("bridge-task/"));
  expect(fromBridge.filter((file) => !allowed.test(file))).toEqual([]);
  expect(fromBridge).toContain("bridge-task/agents/lucy/joins.ts");
});

it("holds no zod, werift, openai or Stream SDK", () => {
  const packages = new Set(inputs.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
  const unwanted = [...packages].filter((name) => /^(?:zod|werift|openai|@openai\/.*|@stream-io\/.*)$/.test(name));
  expect(unwanted).toEqual([]);
  expect(packages).toContain("hono");
});
