import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { encodeWav } from "../../support/wav.ts";
import * as body from "./control-body.ts";
import type { OpenAiCloud } from "./index.ts";
import type { Session } from "./session.ts";
import { describeSession } from "./session-view.ts";

/**
 * What a test may say to the local Realtime server, and ask of it. Bodies and answers are JSON; `:id` may be `latest`.
 *
 * | route | body | what it does |
 * |---|---|---|
 * | GET /sessions | | all sessions, open and lately closed, oldest first |
 * | GET /sessions/:id | | one: config, items, input clock, active response |
 * | GET /sessions/:id/input.wav, output.wav | | what the session received and what it generated (the latest 10 min) |
 * | GET /sessions/:id/arrivals | | when input audio arrived: `[{ atMs, samples, endMs }]` |
 * | POST /sessions/:id/say | Reply | the server speaks unasked |
 * | GET /mind/rules | | the rules in force, the demo's excepted |
 * | POST /mind/rules | Rule[] | puts rules before those that are there |
 * | DELETE /mind/rules | | back to the demo's rules; told utterances are forgotten |
 * | POST /mind/heard | { text, sessionId? } | what the next utterance will have said |
 * | GET /settings, PATCH /settings | part of Settings | pace, transcription, expiry, standing faults |
 * | POST /faults/next-response | ResponseFault | goes wrong with the next response |
 * | POST /faults/refuse | Refusal | the next client event of a type gets this error |
 * | POST /faults/orphan-response | { sessionId } | a response that nobody asked for |
 * | POST /faults/drop | { sessionId, code?, reason? } | closes its socket; 1006 (default) without a handshake |
 * | POST /faults/expire | { sessionId } | session_expired, then close 1001 |
 * | POST /faults/kill, /faults/restore | | cuts everything and refuses connections; takes them again |
 * | DELETE /faults | | planned faults that have not happened yet are forgotten |
 */
export const createControl = (cloud: Omit<OpenAiCloud, "control">): Hono => {
  const sessionBy = (id: string): Session => {
    const session = id === "latest" ? cloud.sessions().at(-1) : cloud.session(id);
    if (!session) throw new HTTPException(404, { message: `no session '${id}'` });
    return session;
  };
  const read = async <T>(c: Context, parse: (value: unknown) => T): Promise<T> => {
    try {
      return parse(await c.req.json());
    } catch (error) {
      throw new HTTPException(400, { message: error instanceof Error ? error.message : String(error) });
    }
  };
  const wav = (c: Context, pcm: Int16Array) =>
    c.body(new Uint8Array(encodeWav({ sampleRate: 24_000, channels: [pcm] })), 200, { "content-type": "audio/wav" });

  const app = new Hono();
  app.onError((error, c) => c.json({ error: error.message }, error instanceof HTTPException ? error.status : 500));

  app.get("/sessions", (c) => c.json(cloud.sessions().map(describeSession)));
  app.get("/sessions/:id", (c) => c.json(describeSession(sessionBy(c.req.param("id")))));
  app.get("/sessions/:id/input.wav", (c) => wav(c, sessionBy(c.req.param("id")).inputRecord.pcm()));
  app.get("/sessions/:id/output.wav", (c) => wav(c, sessionBy(c.req.param("id")).outputRecord.pcm()));
  app.get("/sessions/:id/arrivals", (c) => c.json(sessionBy(c.req.param("id")).arrivals.list()));
  app.post("/sessions/:id/say", async (c) => {
    const problem = sessionBy(c.req.param("id")).respond({}, undefined, await read(c, body.reply));
    return problem ? c.json({ error: problem }, 409) : c.body(null, 204);
  });

  app.get("/mind/rules", (c) => c.json(cloud.mind.rules));
  app.post("/mind/rules", async (c) => {
    await read(c, (value) => cloud.mind.add(body.rules(value)));
    return c.body(null, 204);
  });
  app.delete("/mind/rules", (c) => {
    cloud.mind.clear();
    return c.body(null, 204);
  });
  app.post("/mind/heard", async (c) => {
    const { text, sessionId } = await read(c, body.heard);
    cloud.mind.willHear(text, sessionId === "latest" ? sessionBy(sessionId).id : sessionId);
    return c.body(null, 204);
  });

  app.get("/settings", (c) => c.json(cloud.settings));
  app.patch("/settings", async (c) => c.json(Object.assign(cloud.settings, await read(c, body.settings))));

  app.post("/faults/next-response", async (c) => {
    cloud.faults.nextResponse(await read(c, body.responseFault));
    return c.body(null, 204);
  });
  app.post("/faults/refuse", async (c) => {
    cloud.faults.refuseNext(await read(c, body.refusal));
    return c.body(null, 204);
  });
  app.post("/faults/orphan-response", async (c) => {
    const problem = sessionBy((await read(c, body.target)).sessionId).respond({});
    return problem ? c.json({ error: problem }, 409) : c.body(null, 204);
  });
  app.post("/faults/drop", async (c) => {
    const { sessionId, code, reason } = await read(c, body.drop);
    sessionBy(sessionId).drop(code, reason);
    return c.body(null, 204);
  });
  app.post("/faults/expire", async (c) => {
    sessionBy((await read(c, body.target)).sessionId).expire();
    return c.body(null, 204);
  });
  app.post("/faults/kill", async (c) => {
    await cloud.kill();
    return c.body(null, 204);
  });
  app.post("/faults/restore", async (c) => {
    await cloud.restore();
    return c.body(null, 204);
  });
  app.delete("/faults", (c) => {
    cloud.faults.clear();
    return c.body(null, 204);
  });
  return app;
};
