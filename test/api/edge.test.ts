import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createContext, runInContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { signatureHeader } from "../../bridge-task/signature.ts";
import { createApi } from "../../functions/api/api.ts";
import { buildClient } from "../../infra/build/package-client.ts";
import { nodes, run } from "../package/installed.ts";
import { listen } from "./listen.ts";
import { ScriptedDispatcher } from "./scripted-dispatcher.ts";

const key = "the-key-of-this-test";
const body = '{"id":"1","type":"turn","call":{}}';

const buildFolder = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "agents-client-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await buildClient(folder);
  return folder;
};

const startApi = (): Promise<string> => {
  const api = createApi({ dispatcher: new ScriptedDispatcher(), apiKey: key, logger: silentLogger, agents: [] });
  return listen((request) => api.fetch(request));
};

/** What an edge runtime has beside the language itself, and no more. */
const webGlobals = { fetch, crypto, TextEncoder, AbortSignal };

/** What is done with the client wherever it runs: it must come to `expected`. */
const program = `async ({ createAgentsClient, verifyAgentsSignature, parseAgentsEvent }, { url, key, body, signature }) => {
  const agents = createAgentsClient({ url, key });
  const joined = await agents.join({ type: "default", id: "1" }, { user: { id: "lucy" } });
  const refused = await agents.join({ type: "default", id: "1" }, {}).catch(({ code }) => code);
  const isSigned = await verifyAgentsSignature({ body, signature, key });
  return [joined.outcome, refused, isSigned, parseAgentsEvent(body).type];
}`;
const expected = ["launched", "invalid", true, "turn"];

test("The client is one module that imports nothing.", async () => {
  const source = await readFile(path.join(await buildFolder(), "client.mjs"), "utf8");
  expect(source).not.toMatch(/\bimport\s*[({"'*]|\bimport\s+\w|\brequire\(|\bprocess\b|\bBuffer\b|\bglobalThis\b/);
  expect(source.length).toBeLessThan(16_000);
});

test("It works where there are only the globals of the web.", async () => {
  const folder = await buildFolder();
  const source = await readFile(path.join(folder, "client.cjs"), "utf8");
  const context = createContext({ ...webGlobals, module: { exports: {} } });
  const input = { url: await startApi(), key, body, signature: signatureHeader(key, body, Date.now()) };
  runInContext(source, context);
  expect(await runInContext(`(${program})`, context)(context.module.exports, input)).toEqual(expected);
});

test.each(await nodes())("It works under $version, as a module.", async ({ file }) => {
  const folder = await buildFolder();
  const input = { url: await startApi(), key, body, signature: signatureHeader(key, body, Date.now()) };
  const script = `import * as client from "./client.mjs";
console.log(JSON.stringify(await (${program})(client, ${JSON.stringify(input)})));\n`;
  await writeFile(path.join(folder, "edge.mjs"), script);
  const { stdout, stderr } = await run(file, ["edge.mjs"], folder);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(expected);
});
