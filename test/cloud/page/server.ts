import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { StreamClient } from "@stream-io/node-sdk";
import { build } from "esbuild";
import { type Context, Hono } from "hono";
import { InvalidInputError, messageOf } from "../../../bridge-task/errors.ts";
import { speak } from "../../support/speech.ts";
import { encodeWav } from "../../support/wav.ts";
import type { EventLog } from "../event-log.ts";
import type { CloudInfo } from "../index.ts";
import type { OpenAiCloud } from "../openai/index.ts";
import type { Invitation } from "./invitation.ts";

export interface PageServer {
  url: string;
  close(): Promise<void>;
}

/** What the page stands on: the local cloud, or as much of it as there is where the services are the real ones. */
export interface PageCloud {
  info: Pick<CloudInfo, "streamApiKey" | "streamApiSecret"> &
    Partial<Pick<CloudInfo, "streamServerBaseUrl" | "streamBaseUrl" | "locationHintUrl">>;
  log: EventLog;
  /** Served under /control. */
  control: { app: Hono };
  /** Without it a model hears for itself, and the page says that it is no stand-in. */
  openai?: Pick<OpenAiCloud, "mind">;
}

const folder = import.meta.dirname;

/** Longest typed line, as in index.html. */
const maxLineLength = 300;

/** The page's scripts, bundled in memory. */
const buildScripts = async (): Promise<Map<string, string>> => {
  const { outputFiles } = await build({
    entryPoints: { page: path.join(folder, "page.ts"), level: path.join(folder, "level-worklet.ts") },
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    tsconfig: path.join(folder, "tsconfig.json"),
    logLevel: "warning",
  });
  return new Map(outputFiles.map((file) => [`/${path.basename(file.path)}`, file.text]));
};

const textField = async (c: Context, name: string, maxLength: number): Promise<string> => {
  const body = (await c.req.json().catch(() => ({}))) as Record<string, unknown>;
  const value = body[name];
  if (typeof value === "string" && value.trim() !== "" && value.length <= maxLength) return value.trim();
  throw new InvalidInputError(`"${name}" must be a text of 1 to ${maxLength} characters`);
};

/** What the page asks of its own server: everything that takes the app's secret or the local cloud itself. */
const createApi = ({ info, log, openai }: PageCloud): Hono => {
  const { streamApiKey, streamApiSecret, streamServerBaseUrl, streamBaseUrl, locationHintUrl } = info;
  const ownServer = streamServerBaseUrl === undefined ? {} : { basePath: streamServerBaseUrl };
  const streamClient = new StreamClient(streamApiKey, streamApiSecret, ownServer);
  const newPerson = async (name: string): Promise<{ id: string; name: string }> => {
    const person = { id: `person-${randomBytes(4).toString("hex")}`, name };
    await streamClient.upsertUsers([person]);
    return person;
  };
  const invite = (call: Invitation["call"], user: { id: string; name: string }, afterSeq: number): Invitation => ({
    stream: {
      apiKey: streamApiKey,
      ...(streamBaseUrl === undefined ? {} : { baseUrl: streamBaseUrl }),
      ...(locationHintUrl === undefined ? {} : { locationHintUrl }),
    },
    typing: openai ? "speaks" : "asks",
    call,
    user: { ...user, token: streamClient.generateUserToken({ user_id: user.id, validity_in_seconds: 24 * 3_600 }) },
    eventsUrl: `/control/events/live?after=${afterSeq}`,
  });

  const api = new Hono();
  api.post("/calls", async (c) => {
    const user = await newPerson(await textField(c, "name", 60));
    const afterSeq = log.since().at(-1)?.seq ?? 0;
    const call = { type: "default", id: randomBytes(4).toString("hex") };
    // Stream tells the webhook, and the agent comes by itself: nothing here asks for it.
    await streamClient.video.call(call.type, call.id).create({ data: { created_by_id: user.id } });
    return c.json(invite(call, user, afterSeq), 201);
  });
  api.post("/calls/:type/:id/people", async (c) => {
    const { type, id } = c.req.param();
    const user = await newPerson(await textField(c, "name", 60));
    await streamClient.video.call(type, id).get();
    return c.json(invite({ type, id }, user, 0), 201);
  });
  if (!openai) return api;
  api.post("/lines", async (c) => {
    const text = await textField(c, "text", maxLineLength);
    const sessionId = await textField(c, "sessionId", 100);
    const speech = encodeWav({ sampleRate: 24_000, channels: [await speak(text, { voice: "rms" })] });
    // Nothing here understands speech: the mind is told what the next utterance says, the sound goes the way of any other.
    openai.mind.willHear(text, sessionId);
    return c.body(new Uint8Array(speech), 200, { "content-type": "audio/wav" });
  });
  return api;
};

/** Other sites, open in the same browser, shall neither make calls by this server nor read what it says. */
const isOwnPage = (c: Context): boolean => {
  const [host = "", origin] = [c.req.header("host"), c.req.header("origin")];
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) && (origin === undefined || origin === `http://${host}`);
};

/** Serves the page, its API and, under /control, the local cloud's control routes, on a free loopback port. */
export const servePage = async (cloud: PageCloud): Promise<PageServer> => {
  const [html, styles, scripts] = await Promise.all([
    readFile(path.join(folder, "index.html"), "utf8"),
    readFile(path.join(folder, "styles.css"), "utf8"),
    buildScripts(),
  ]);
  const app = new Hono();
  app.onError((error, c) => c.json({ error: messageOf(error) }, error instanceof InvalidInputError ? 400 : 502));
  app.use(async (c, next) => (isOwnPage(c) ? next() : c.json({ error: "this page is asked from itself only" }, 403)));
  app.get("/", (c) => c.html(cloud.openai ? html : html.replace("<body>", '<body class="live">')));
  app.get("/styles.css", (c) => c.body(styles, 200, { "content-type": "text/css" }));
  for (const [name, text] of scripts) app.get(name, (c) => c.body(text, 200, { "content-type": "text/javascript" }));
  app.route("/api", createApi(cloud));
  app.route("/control", cloud.control.app);

  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
