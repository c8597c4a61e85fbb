import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Hono } from "hono";
import type { WebSocket } from "ws";
import type { EventLog } from "../event-log.ts";
import { admit } from "./admission.ts";
import { createControl } from "./control.ts";
import { demoRules } from "./demo-rules.ts";
import type { ApiProblem } from "./errors.ts";
import { newId } from "./ids.ts";
import { Listener } from "./listener.ts";
import { Mind, type Reply, type Rule, type Voicebox } from "./mind.ts";
import { answerRest } from "./rest.ts";
import { Session } from "./session.ts";
import type { SessionSocket } from "./session-parts.ts";
import { defaultSettings, FaultPlan, type Settings } from "./settings.ts";
import { loadVoiceDetection } from "./vad.ts";
import { fliteVoicebox } from "./voicebox.ts";

export type { Moment, When } from "./mind.ts";
export type { Refusal, ResponseFault } from "./settings.ts";
export type { Reply, Rule, Session, Settings, Voicebox };

export interface OpenAiCloudOptions {
  log: EventLog;
  /** The only key that is let in. */
  apiKey: string;
  /** PEM texts of the `wss:` endpoint. */
  tls: { key: string; cert: string };
  voicebox?: Voicebox;
  settings?: Partial<Settings>;
  /** Answers when no rule set later holds. Default: the demo's. */
  fallbackRules?: readonly Rule[];
  /** How much of each direction's audio, and of the conversation's, is kept per session. Default 10 min. */
  maxRecordedMs?: number;
}

export interface OpenAiCloud {
  /** `https://127.0.0.1:P/v1`, what the OpenAI SDK takes as baseURL. */
  readonly baseUrl: string;
  /** `ws://127.0.0.1:P/v1/realtime`, the same server without TLS. */
  readonly wsUrl: string;
  /** Routes: see control.ts. */
  readonly control: Hono;
  readonly mind: Mind;
  readonly faults: FaultPlan;
  /** Read whenever they are needed: assign to change the running server. */
  readonly settings: Settings;
  /** Open ones, and the latest that are closed; oldest first. */
  sessions(): Session[];
  session(id: string): Session | undefined;
  /** The server speaks unasked. */
  say(sessionId: string, reply: Reply): ApiProblem | undefined;
  /** Cuts every connection and refuses new ones until `restore`. */
  kill(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

const keptClosedSessions = 10;
/** A client that reads nothing is dropped when this much waits for it: about an hour of audio. */
const maxUnsentBytes = 256 * 1_024 * 1_024;

/** A Realtime server on loopback that speaks the GA protocol over `wss:` and `ws:`. Not a product: its mind is a script. */
export const startOpenAiCloud = async (options: OpenAiCloudOptions): Promise<OpenAiCloud> => {
  const { log, apiKey, tls, voicebox = fliteVoicebox, fallbackRules = demoRules, maxRecordedMs = 600_000 } = options;
  const createDetector = await loadVoiceDetection();
  const settings: Settings = { ...defaultSettings(), ...options.settings };
  const mind = new Mind(fallbackRules);
  const faults = new FaultPlan();
  let sessions: Session[] = [];

  const open = (webSocket: WebSocket, model: string): void => {
    const session = new Session({
      socket: boundedSocket(webSocket),
      model,
      log,
      mind,
      voicebox,
      settings,
      faults,
      detector: createDetector(),
      maxRecordedMs,
    });
    const closed = sessions.filter((known) => known.closed).slice(-keptClosedSessions);
    sessions = [...sessions.filter((known) => !known.closed || closed.includes(known)), session];
    webSocket.on("message", (data) => session.receive(data.toString()));
    webSocket.on("close", (code, reason) => session.onClosed(code, reason.toString()));
    // ws closes after an error by itself, and `close` tells the rest.
    webSocket.on("error", (error) => log.record("openai", "session.socket_error", { message: error.message }));
  };

  const onUpgrade = (
    request: IncomingMessage,
    socket: Duplex,
    accept: (onOpen: (webSocket: WebSocket) => void) => void,
  ): void => {
    const admission = admit(new URL(request.url ?? "/", "http://127.0.0.1"), request.headers, { apiKey, settings });
    if (admission.type === "session") {
      accept((webSocket) => open(webSocket, admission.model));
      return;
    }
    log.record("openai", "session.refused", { code: admission.problem.code });
    if (admission.type === "http") {
      refuseInHttp(socket, admission.status, admission.problem);
      return;
    }
    accept((webSocket) => {
      const error = { ...admission.problem, event_id: null };
      webSocket.send(JSON.stringify({ type: "error", event_id: newId("event"), error }));
      webSocket.close(admission.code, `${admission.problem.type}.${admission.problem.code}`);
    });
  };

  const onRequest: ConstructorParameters<typeof Listener>[0]["onRequest"] = (request, response) =>
    answerRest(request, response, { apiKey, settings });

  const secure = new Listener({ tls, onRequest, onUpgrade });
  const plain = new Listener({ onRequest, onUpgrade });
  const restore = async () => {
    await Promise.all([secure.start(), plain.start()]);
  };
  const kill = async () => {
    await Promise.all([secure.stop(), plain.stop()]);
  };
  await restore();

  const cloud: Omit<OpenAiCloud, "control"> = {
    baseUrl: `https://127.0.0.1:${secure.port}/v1`,
    wsUrl: `ws://127.0.0.1:${plain.port}/v1/realtime`,
    mind,
    faults,
    settings,
    sessions: () => [...sessions],
    session: (id) => sessions.find((session) => session.id === id),
    say: (sessionId, reply) => sessions.find(({ id }) => id === sessionId)?.respond({}, undefined, reply),
    kill,
    restore,
    close: kill,
  };
  return { ...cloud, control: createControl(cloud) };
};

const boundedSocket = (webSocket: WebSocket): SessionSocket => ({
  send: (text) => (webSocket.bufferedAmount > maxUnsentBytes ? webSocket.terminate() : webSocket.send(text)),
  close: (code, reason) => webSocket.close(code, reason),
  terminate: () => webSocket.terminate(),
});

const refuseInHttp = (socket: Duplex, status: 401 | 404, problem: ApiProblem): void => {
  const body = JSON.stringify({ error: problem });
  socket.end(
    `HTTP/1.1 ${status} ${status === 401 ? "Unauthorized" : "Not Found"}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
};
