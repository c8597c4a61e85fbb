import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const rule = "lint/style/noRestrictedImports";

/** Folder → what may not be imported there. */
const forbidden: Record<string, readonly string[]> = {
  "bridge-task": ["../functions/app.ts", "../functions/dispatch/dispatcher.ts", "../test/cloud/index.ts"],
  "bridge-task/audio": [
    "../stream/peer.ts",
    "../realtime/client.ts",
    "../bridge.ts",
    "../../functions/app.ts",
    "../../test/cloud/index.ts",
    "werift",
    "net",
    "node:net",
  ],
  "bridge-task/stream": [
    "../realtime/client.ts",
    "../audio/opus.ts",
    "../bridge.ts",
    "../../test/cloud/index.ts",
    "openai",
  ],
  "bridge-task/realtime": [
    "../stream/peer.ts",
    "../audio/opus.ts",
    "../bridge.ts",
    "../../test/cloud/index.ts",
    "werift",
  ],
  functions: [
    "../bridge-task/bridge.ts",
    "../bridge-task/agents/lucy/index.ts",
    "../bridge-task/task/stay.ts",
    "../test/cloud/index.ts",
  ],
  infra: ["../test/cloud/index.ts"],
  "bridge-task/agents/first": ["../../log.ts"],
  "bridge-task/agents/second": ["zod"],
};

const allowed: Record<string, readonly string[]> = {
  "bridge-task": [
    "./stream/stream-call.ts",
    "./realtime/client.ts",
    "openai",
    "../functions/dispatch/protocol.ts",
    "../functions/dispatch/calls-table.ts",
    "../functions/tools/manifest.ts",
  ],
  "bridge-task/audio": ["./pcm.ts", "../errors.ts", "libopus-wasm"],
  "bridge-task/stream": ["./peer.ts", "../errors.ts", "werift", "ws"],
  "bridge-task/realtime": ["./turn.ts", "../deadline.ts", "openai/realtime/ws"],
  "bridge-task/agents/third": ["../agent.ts"],
  functions: ["../bridge-task/job.ts", "../bridge-task/duration.ts", "../bridge-task/agents/lucy/joins.ts", "hono"],
};

test("the linter holds the direction of every arrow between the folders", async () => {
  const probes: { file: string; imported: string; isForbidden: boolean }[] = [];
  for (const [table, isForbidden] of [
    [forbidden, true],
    [allowed, false],
  ] as const) {
    for (const [folder, imports] of Object.entries(table)) {
      for (const imported of imports) {
        const name = folder.includes("agents") ? "joins.ts" : `probe-${probes.length}.ts`;
        probes.push({ file: path.join(folder, name), imported, isForbidden });
      }
    }
  }
  // A copy of the tree's shape with the real rules, so that a failing run leaves nothing in the sources.
  const copy = await mkdtemp(path.join(os.tmpdir(), "import-rules-"));
  onTestFinished(() => rm(copy, { recursive: true, force: true }));
  const config = JSON.parse(await readFile(path.join(root, "biome.json"), "utf8"));
  await writeFile(
    path.join(copy, "biome.json"),
    JSON.stringify({ ...config, $schema: undefined, root: true, vcs: undefined }),
  );
  for (const { file, imported } of probes) {
    await mkdir(path.join(copy, path.dirname(file)), { recursive: true });
    await writeFile(path.join(copy, file), `import * as probe from "${imported}";\nexport { probe };\n`);
  }
  const biome = path.join(root, "node_modules/@biomejs/biome/bin/biome");
  const { stdout } = spawnSync(process.execPath, [biome, "lint", "--reporter=json", "--max-diagnostics=none", "."], {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  const reported = new Set(
    JSON.parse(stdout)
      .diagnostics.filter(({ category }: { category: string }) => category === rule)
      .map(({ location }: { location: { path: string | { file: string } } }) =>
        typeof location.path === "string" ? location.path : location.path.file,
      ),
  );
  const wrong = probes.filter(({ file, isForbidden }) => reported.has(file) !== isForbidden);
  expect(wrong).toEqual([]);
});
