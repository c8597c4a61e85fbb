import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { OutgoingError } from "../../bridge-task/outgoing/errors.ts";
import { postSigned, type SignedPost } from "../../bridge-task/outgoing/signed-post.ts";
import { isSigned } from "../../bridge-task/signature.ts";
import { createCertificates } from "../cloud/certificate.ts";

const key = "secret";
const body = JSON.stringify({ hello: "Wörld" });

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}

type Answer = (response: ServerResponse, received: Received) => void;

const listen = async <T extends Server>(server: T): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    if ("closeAllConnections" in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
};

const listenerOf = (answer: Answer, seen: Received[]) => async (request: IncomingMessage, response: ServerResponse) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const received = { method: request.method, url: request.url, headers: request.headers, body: text };
  seen.push(received);
  answer(response, received);
};

/** An application's endpoint, and what it was sent. */
const start = async (answer: Answer) => {
  const seen: Received[] = [];
  const port = await listen(createServer(listenerOf(answer, seen)));
  return { seen, url: `http://127.0.0.1:${port}/tool?a=1`, port };
};

const post = (url: string, more: Partial<SignedPost> = {}) =>
  postSigned({ url, body, key, timeoutMs: 5_000, maxAnswerBytes: 1_000, ...more }, { allowLoopback: true });

const failure = (posted: Promise<unknown>): Promise<OutgoingError> =>
  posted.then(
    () => Promise.reject(new Error("it was accepted")),
    (error: unknown) => {
      expect(error).toBeInstanceOf(OutgoingError);
      return error as OutgoingError;
    },
  );

describe("a signed POST", () => {
  it("arrives as JSON, signed, with its headers; a 2xx answer is its result", async () => {
    const { seen, url } = await start((response) => response.writeHead(201).end('{"ok":true}'));
    expect(await post(url, { headers: { "idempotency-key": "once" } })).toEqual({
      status: 201,
      body: '{"ok":true}',
      isWhole: true,
    });
    const [received] = seen;
    expect(received).toMatchObject({ method: "POST", url: "/tool?a=1", body });
    expect(received?.headers).toMatchObject({ "content-type": "application/json", "idempotency-key": "once" });
    const header = String(received?.headers["x-agents-signature"]);
    expect(isSigned({ key, body: received?.body ?? "", header, nowMs: Date.now() })).toBe(true);
  });

  it("goes over TLS to a host that proves its name", async () => {
    const { caPem, keyPem: tlsKey, certPem: cert } = await createCertificates();
    const seen: Received[] = [];
    const answer: Answer = (response) => response.end('"ok"');
    const port = await listen(createTlsServer({ key: tlsKey, cert }, listenerOf(answer, seen)));
    const url = `https://localhost:${port}/`;
    const lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    const untrusted = postSigned({ url, body, key, timeoutMs: 5_000 }, { allowLoopback: true, lookup });
    expect(await failure(untrusted)).toMatchObject({ code: "unreachable" });
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, caPem]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    const posted = postSigned({ url, body, key, timeoutMs: 5_000, maxAnswerBytes: 9 }, { allowLoopback: true, lookup });
    expect(await posted).toMatchObject({ status: 200, body: '"ok"' });
    expect(seen).toHaveLength(1);
  });

  it("reads no more of an answer than was asked for, and nothing where nothing was", async () => {
    const { url } = await start((response) => response.end("x".repeat(1_000_000)));
    const { body: read, isWhole } = await post(url, { maxAnswerBytes: 16_384 });
    expect(read).toBe("x".repeat(16_384));
    expect(isWhole).toBe(false);
    expect(await postSigned({ url, body, key, timeoutMs: 5_000 }, { allowLoopback: true })).toEqual({
      status: 200,
      body: "",
      isWhole: false,
    });
  });

  it("follows no redirect, wherever it leads", async () => {
    const { seen, url } = await start((response, { url: path }) => {
      if (path === "/tool?a=1") response.writeHead(307, { location: "/elsewhere" }).end();
      else response.end('"followed"');
    });
    const error = await failure(post(url));
    expect(error).toMatchObject({ code: "redirected", status: 307, retryable: false });
    expect(error.message).toMatch(/use the final URL/);
    expect(seen).toHaveLength(1);
  });

  it.each([
    [400, false],
    [404, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])("that is answered with %i is refused, and may be sent again: %s", async (status, retryable) => {
    const { url } = await start((response) => response.writeHead(status).end('{"error":"no"}'));
    expect(await failure(post(url))).toMatchObject({ code: "bad_status", status, retryable, body: '{"error":"no"}' });
  });

  it("gives up in time, whether nothing comes or the answer never ends", async () => {
    const silent = await start(() => undefined);
    expect(await failure(post(silent.url, { timeoutMs: 50 }))).toMatchObject({ code: "timed_out", retryable: true });
    const endless = await start((response) => response.write("{"));
    expect(await failure(post(endless.url, { timeoutMs: 50 }))).toMatchObject({ code: "timed_out" });
  });

  it("is given up with its signal, before or after it was sent", async () => {
    const { url } = await start(() => undefined);
    const controller = new AbortController();
    const posted = failure(post(url, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    await posted;
    await failure(post(url, { signal: AbortSignal.abort() }));
  });

  it("says so where nobody is there, the answer breaks off, or is no HTTP", async () => {
    const { url } = await start((response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{");
      setTimeout(() => response.destroy(), 10);
    });
    expect(await failure(post(url))).toMatchObject({ code: "broken_answer", retryable: true });
    const gibberish = await listen(createTcpServer((socket) => socket.resume().end("hello\r\n\r\n")));
    expect(await failure(post(`http://127.0.0.1:${gibberish}/`))).toMatchObject({ code: "unreachable" });
    const lookup = () => Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }));
    const nowhere = postSigned(
      { url: "https://nowhere.test/", body, key, timeoutMs: 5_000 },
      { allowLoopback: true, lookup },
    );
    expect(await failure(nowhere)).toMatchObject({ code: "unreachable", retryable: true });
  });
});

describe("a POST into the private network", () => {
  it.each(["169.254.170.2", "10.0.0.7", "127.0.0.1", "::ffff:169.254.170.2", "fd00:ec2::254"])(
    "is refused when its public-looking name means %s, before anything is connected",
    async (address) => {
      const { seen, port } = await start((response) => response.end());
      const lookup = async () => [{ address, family: address.includes(":") ? 6 : 4 }];
      const url = `https://tools.example.com:${port}/`;
      const error = await failure(postSigned({ url, body, key, timeoutMs: 5_000 }, { allowLoopback: false, lookup }));
      expect(error).toMatchObject({ code: "url_refused", retryable: false });
      expect(error.message).toMatch(/no public address/);
      expect(seen).toEqual([]);
    },
  );

  it("is refused when the address is in the URL itself, which no lookup ever sees", async () => {
    const { seen, port } = await start((response) => response.end());
    for (const host of ["127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]) {
      const posted = postSigned(
        { url: `https://${host}:${port}/`, body, key, timeoutMs: 5_000 },
        { allowLoopback: false },
      );
      expect(await failure(posted)).toMatchObject({ code: "url_refused" });
    }
    expect(seen).toEqual([]);
  });

  it("is judged by the addresses that are connected to, not by an earlier answer of the resolver", async () => {
    const { seen, port } = await start((response) => response.end());
    const answers = ["127.0.0.1", "10.0.0.7"];
    const lookup = async () => [{ address: answers.shift() ?? "", family: 4 }];
    const policy = { allowLoopback: true, lookup };
    const url = `http://rebinding.example.com:${port}/`;
    await postSigned({ url, body, key, timeoutMs: 5_000 }, policy);
    expect(await failure(postSigned({ url, body, key, timeoutMs: 5_000 }, policy))).toMatchObject({
      code: "url_refused",
    });
    expect(seen).toHaveLength(1);
  });
});
