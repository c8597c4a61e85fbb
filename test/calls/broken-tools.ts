import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { isSigned } from "../../bridge-task/signature.ts";
import type { ToolManifestEntry } from "../../functions/tools/manifest.ts";
import { type Bundle, bundleOptions } from "../../infra/build/bundles.ts";
import { sharedBundles } from "../support/bundles.ts";

/** A sleeping tool's own time: long enough for the agent to say something meanwhile. */
const sleepTimeoutMs = 2_500;
export const excuse = "One moment, I am looking it up.";

/** Functions that fail, each in its way. `gone` is in the manifest, and nowhere else. */
const sources = {
  sleeps: "export const handler = () => new Promise((resolve) => setTimeout(resolve, 30_000));",
  throws: 'export const handler = async () => { throw new Error("The stock list is locked until noon."); };',
  large: 'export const handler = async () => "x".repeat(1_000_000);',
  gone: "",
};

const entryOf = (name: string): ToolManifestEntry => ({
  name,
  description: `A function that ${name}.`,
  parameters: { type: "object", properties: {} },
  timeoutMs: name === "sleeps" ? sleepTimeoutMs : 10_000,
  ...(name === "sleeps" ? { speaking: excuse } : {}),
  secrets: [],
  functionName: `tool-${name}`,
  file: `functions/tools/${name}.ts`,
});

export interface BrokenFunctions {
  /** What is deployed, and these; the bridge knows them all. */
  bundles: Bundle[];
  /** Settings of the bridge and of the webhook: they know the function that does not exist, too. */
  bridgeEnvironment: { TOOL_FUNCTIONS: string };
  dispatchEnvironment: { TOOL_NAMES: string };
  remove(): Promise<void>;
}

/** Builds the bridge with a manifest that names tools which fail, beside those that ship. */
export const brokenFunctions = async (): Promise<BrokenFunctions> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "broken-tools-"));
  const shipped = await sharedBundles();
  const broken = Object.keys(sources).map(entryOf);
  const manifest = [...shipped.flatMap(({ tool }) => tool ?? []), ...broken];
  const bridgeFile = path.join(folder, "bridge.mjs");
  const define = { __TOOL_MANIFEST__: JSON.stringify(manifest) };
  const { metafile } = await build({ ...bundleOptions("bridge-task/main.ts", bridgeFile), define });
  const functions = broken.flatMap((tool): Bundle[] => {
    const file = path.join(folder, tool.functionName, "bundle.mjs");
    return tool.name === "gone" ? [] : [{ name: tool.functionName, file, bytes: 0, metafile, tool }];
  });
  for (const [name, source] of Object.entries(sources)) {
    const { functionName } = entryOf(name);
    await mkdir(path.join(folder, functionName), { recursive: true });
    await writeFile(path.join(folder, functionName, "bundle.mjs"), source);
  }
  const others = shipped.map((bundle) => (bundle.name === "bridge" ? { ...bundle, file: bridgeFile } : bundle));
  const names = manifest.map(({ name, functionName }) => [name, functionName]);
  return {
    bundles: [...others, ...functions],
    bridgeEnvironment: { TOOL_FUNCTIONS: JSON.stringify(Object.fromEntries(names)) },
    dispatchEnvironment: { TOOL_NAMES: names.map(([name]) => name).join(",") },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

export interface Endpoint {
  /** URL tools that fail in the same ways, for an agent's `tools`. */
  tools: { name: string; url: string; timeout?: string; speaking?: string }[];
  /** POSTs that were not signed as documented. */
  readonly unsignedCount: number;
  close(): Promise<void>;
}

const answers: Record<string, (response: ServerResponse) => void> = {
  "/sleeps": () => undefined,
  "/throws": (response) => response.writeHead(500).end("Internal Server Error"),
  "/large": (response) => response.end(JSON.stringify("x".repeat(1_000_000))),
  "/strict": (response) => response.writeHead(422).end('{"error":"amount must be a number."}'),
};

/** The application's own endpoints, on this machine. */
export const startEndpoint = async (key: string): Promise<Endpoint> => {
  let unsignedCount = 0;
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const header = request.headers["x-agents-signature"];
    const isOurs = isSigned({ key, body, header: header?.toString(), nowMs: Date.now() });
    if (!isOurs || !request.headers["idempotency-key"]) unsignedCount += 1;
    answers[request.url ?? ""]?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    tools: [
      { name: "url_sleeps", url: `${root}/sleeps`, timeout: `${sleepTimeoutMs / 1_000} seconds`, speaking: excuse },
      { name: "url_throws", url: `${root}/throws` },
      { name: "url_large", url: `${root}/large` },
      // Nobody listens there.
      { name: "url_gone", url: "http://127.0.0.1:1/gone" },
      { name: "url_strict", url: `${root}/strict` },
    ],
    get unsignedCount() {
      return unsignedCount;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
