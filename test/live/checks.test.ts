import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { createCertificates } from "../cloud/certificate.ts";
import { checkOpenAi, clockWarning, trust } from "./checks.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const listen = async (server: ReturnType<typeof createServer>): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
};

const answering =
  (status: number, body: object = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const openAi = async (status: number, body?: object) =>
  `http://127.0.0.1:${await listen(createServer(answering(status, body)))}/v1`;

test("a key that may use the model passes without a word", async () => {
  expect(await checkOpenAi("sk-good", await openAi(200, { id: "gpt-realtime-2.1" }))).toBeUndefined();
});

test("a model that the key cannot see is a warning: agents may name another", async () => {
  const warning = await checkOpenAi("sk-good", await openAi(404, { error: { code: "model_not_found" } }));
  expect(warning).toMatch(/gpt-realtime-2\.1 cannot be seen.+404, model_not_found/);
});

test("a key that is not taken is an error that does not show it", async () => {
  const checking = checkOpenAi("sk-secret", await openAi(401, { error: { message: "Incorrect: sk-secret" } }));
  await expect(checking).rejects.toThrow("OpenAI does not take OPENAI_API_KEY");
  await expect(checking).rejects.not.toThrow("sk-secret");
});

test("a service in trouble is not taken for a wrong key", async () => {
  await expect(checkOpenAi("sk-good", await openAi(503))).rejects.toThrow("answered 503: try again");
});

test.each([
  [0, undefined],
  [29_000, undefined],
  [90_000, "90 s ahead of"],
  [-400_000, "400 s behind"],
])("a clock that is %i ms off: %s", (offMs, said) => {
  const warning = clockWarning(1_000_000, 1_000_000 + offMs);
  if (said === undefined) expect(warning).toBeUndefined();
  else expect(warning).toContain(said);
});

test("an authority that only .env names is trusted from then on", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "live-trust-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const { caPem, certPem: cert, keyPem: key } = await createCertificates();
  const caFile = path.join(folder, "ca.pem");
  await writeFile(caFile, caPem);
  const port = await listen(createTlsServer({ cert, key }, answering(200)));
  await expect(checkOpenAi("sk-good", `https://127.0.0.1:${port}/v1`)).rejects.toThrow(
    /certificate|self-signed|issuer/,
  );
  await trust(caFile, {});
  expect(await checkOpenAi("sk-good", `https://127.0.0.1:${port}/v1`)).toBeUndefined();
});

test("an authority's file that is not there is told by its name", async () => {
  await expect(trust("/no/such/ca.pem", {})).rejects.toThrow("NODE_EXTRA_CA_CERTS names /no/such/ca.pem");
});
