import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, buildBundles } from "../../infra/build/bundles.ts";
import { packagesOf, partsOf } from "../support/bundles.ts";

const names = ["webhook", "task-stopped", "sweep", "register"] as const;

let folder: string;
let bundles: Bundle[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "function-bundles-"));
  bundles = await buildBundles(names, folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const bundleOf = (name: (typeof names)[number]): Bundle => {
  const found = bundles.find((bundle) => bundle.name === name);
  if (found === undefined) throw new Error(`${name} was not built`);
  return found;
};

describe.each(names)("the bundle of %s", (name) => {
  it("weighs at most 450 kB", () => {
    const { bytes } = bundleOf(name);
    process.stdout.write(`${name} bundle: ${(bytes / 1000).toFixed(1)} kB\n`);
    expect(bytes).toBeLessThanOrEqual(450_000);
  });

  it("holds of the bridge only what functions may import", () => {
    const allowed =
      /^bridge-task\/(?:(?:job|duration|errors|log|deadline|signature)\.ts|outgoing\/url-policy\.ts|record\/(?:advice|call-record)\.ts|agents\/[^/]+\/joins\.ts)$/;
    const fromBridge = [...partsOf(bundleOf(name)).keys()].filter((file) => file.startsWith("bridge-task/"));
    expect(fromBridge.filter((file) => !allowed.test(file))).toEqual([]);
  });

  it("holds no tools, and no zod, werift, openai or Stream SDK", () => {
    const bundle = bundleOf(name);
    expect([...partsOf(bundle).keys()].filter((file) => file.startsWith("functions/tools/"))).toEqual([]);
    const packages = [...packagesOf(bundle).keys()];
    const unwanted = packages.filter((one) => /^(?:zod|werift|openai|ws|@openai\/.*|@stream-io\/.*)$/.test(one));
    expect(unwanted).toEqual([]);
  });
});

it("the webhook holds what decides: Hono, the protocol, and every agent's joins", () => {
  const parts = [...partsOf(bundleOf("webhook")).keys()];
  expect(parts).toContain("bridge-task/agents/lucy/joins.ts");
  expect(parts).toContain("functions/dispatch/protocol.ts");
  expect([...packagesOf(bundleOf("webhook")).keys()]).toContain("hono");
});

it("no function holds the client of SSM: it weighs 85 kB, and the webhook starts while Stream waits", () => {
  for (const bundle of bundles)
    expect([...packagesOf(bundle).keys()], bundle.name).not.toContain("@aws-sdk/client-ssm");
});

it("the function that registers is made of what it needs: ECS, to end tasks, and no DynamoDB", () => {
  const packages = [...packagesOf(bundleOf("register")).keys()];
  expect(packages.filter((name) => name.startsWith("@aws-sdk/client-"))).toEqual(["@aws-sdk/client-ecs"]);
});
