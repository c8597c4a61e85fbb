import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { FunctionBuild } from "./request.ts";
import { bootstrap } from "./stand-ins.ts";

/** What SST's command line answers to the components: bundles are made, of a line each. */
export const startRpcServer = async (project: string) => {
  const builds: FunctionBuild[] = [];
  const resultOf = (method: string, input: FunctionBuild): unknown => {
    if (method === "Provider.Aws.Bootstrap") return bootstrap;
    if (method !== "Runtime.Build") return undefined;
    builds.push(input);
    const out = path.join(project, ".sst", "artifacts", `${input.functionID}-src`);
    mkdirSync(out, { recursive: true });
    writeFileSync(path.join(out, "bundle.mjs"), "export const handler = () => undefined;\n");
    return { handler: "bundle.handler", out, errors: [], sourcemaps: [] };
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, params } = JSON.parse(Buffer.concat(chunks).toString());
    const result = resultOf(method, params[0]);
    // Whoever waits for the process to have nothing left to do does not wait for a socket that idles.
    response.setHeader("connection", "close");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(result === undefined ? { error: `rpc: can't find method ${method}` } : { result }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  server.unref();
  return { url: `http://127.0.0.1:${port}`, builds };
};
