import { setTimeout as sleep } from "node:timers/promises";
import type { WebSocket } from "ws";
import { deferred, withDeadline } from "../../../bridge-task/deadline.ts";
import { isObject, type JsonObject, parseObject } from "../../cloud/openai/json.ts";
import { Listener } from "../../cloud/openai/listener.ts";
import type { Plan } from "./plan.ts";
import { ScriptedConversation, soundDelta } from "./script.ts";

/** A client that does not do its part within this time has failed the benchmark. */
const waitMs = 30_000;
/** So many frames go by before a voice counts as speech: 300 ms, as with the service's padding. */
const framesToOnset = 15;
const soundStart = `{"type":"${soundDelta}"`;

const withDefaults = (session: JsonObject): JsonObject => {
  const audio = isObject(session.audio) ? session.audio : {};
  const input = isObject(audio.input) ? audio.input : {};
  const detection = isObject(input.turn_detection) ? input.turn_detection : { type: "server_vad" };
  const turnDetection = { create_response: true, interrupt_response: true, ...detection };
  return {
    object: "realtime.session",
    id: "sess_000000000000000000001",
    tools: [],
    instructions: "",
    tracing: null,
    expires_at: Math.floor(Date.now() / 1_000) + 3_600,
    ...session,
    audio: { ...audio, input: { ...input, turn_detection: turnDetection } },
  };
};

/** One client's session: it answers what a client asks, and tells its script when the client has done its part. */
class ScriptedSession {
  readonly #socket: WebSocket;
  readonly #plan: Plan;
  readonly #script: ScriptedConversation;
  #config: JsonObject = { type: "realtime", model: "gpt-realtime-2.1" };
  #frames = 0;
  #outputs = 0;
  #wishes = 0;
  #told = 0;
  #isClosed = false;
  #changed = deferred<void>();

  constructor(socket: WebSocket, plan: Plan) {
    this.#socket = socket;
    this.#plan = plan;
    this.#script = new ScriptedConversation(plan);
    socket.on("message", (data) => this.#receive(data.toString()));
    socket.on("close", () => {
      this.#isClosed = true;
      this.#changed.resolve();
    });
    this.#send(this.#script.event("session.created", { session: withDefaults(this.#config) }));
  }

  /** Resolves with the number of scripted events when all are told. */
  async run(): Promise<number> {
    const { turns, toolEvery, framesPerTurn } = this.#plan;
    let toolTurns = 0;
    for (let turn = 1; turn <= turns; turn += 1) {
      await this.#until(
        () => this.#frames >= Math.max(1, (turn - 1) * framesPerTurn + Math.min(framesToOnset, framesPerTurn)),
      );
      await this.#tell(this.#script.started());
      await this.#until(() => this.#frames >= turn * framesPerTurn);
      await this.#tell(this.#script.stopped());
      const callsTool = turn % toolEvery === 0;
      if (callsTool) {
        toolTurns += 1;
        await this.#tell(this.#script.call());
        await this.#until(() => this.#outputs >= toolTurns && this.#wishes >= toolTurns);
      }
      await this.#tell(this.#script.answer({ transcribed: !callsTool }));
    }
    return this.#told;
  }

  #receive(text: string): void {
    const event = parseObject(text) ?? {};
    switch (event.type) {
      case "session.update":
        this.#config = { ...this.#config, ...(isObject(event.session) ? event.session : {}) };
        this.#send(this.#script.event("session.updated", { session: withDefaults(this.#config) }));
        break;
      case "input_audio_buffer.append":
        this.#frames += 1;
        break;
      case "conversation.item.create":
        if (!isObject(event.item)) break;
        this.#outputs += 1;
        for (const stored of this.#script.stored(event.item)) this.#send(stored);
        this.#told += 2;
        break;
      case "response.create":
        this.#wishes += 1;
        break;
      case "conversation.item.retrieve": {
        const retrieved = this.#script.retrieved(String(event.item_id));
        if (retrieved !== undefined) this.#send(retrieved);
        break;
      }
    }
    this.#changed.resolve();
    this.#changed = deferred();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#isClosed) throw new Error("the client left before the end of its script");
      await withDeadline(this.#changed.promise, waitMs, "waiting for the client's part of the script");
    }
  }

  /** Resolves when the kernel has taken the last of them, so that a slow client holds the script back. */
  async #tell(events: readonly string[]): Promise<void> {
    const { deltaIntervalMs } = this.#plan;
    this.#told += events.length;
    let dueAt = performance.now();
    for (const event of events) {
      if (deltaIntervalMs > 0 && event.startsWith(soundStart)) {
        dueAt += deltaIntervalMs;
        const earlyMs = dueAt - performance.now();
        if (earlyMs > 0) await sleep(earlyMs);
      }
      if (event !== events.at(-1)) this.#send(event);
    }
    const { promise, resolve, reject } = deferred<void>();
    this.#socket.send(events.at(-1) ?? "", (error) => (error ? reject(error) : resolve()));
    await withDeadline(promise, waitMs, "waiting for the client to read");
  }

  #send(event: string): void {
    this.#socket.send(event);
  }
}

/** A Realtime server without a mind: each connection takes the next plan and is told its script. */
export class ScriptedServer {
  readonly #listener: Listener;
  readonly #waiting: { plan: Plan; told: (events: Promise<number>) => void }[] = [];

  private constructor(listener: (open: (socket: WebSocket) => void) => Listener) {
    this.#listener = listener((socket) => this.#open(socket));
  }

  static async start(tls: { key: string; cert: string }): Promise<ScriptedServer> {
    const server = new ScriptedServer(
      (open) =>
        new Listener({
          tls,
          onRequest: (_request, response) => void response.writeHead(404).end(),
          onUpgrade: (_request, _socket, accept) => accept(open),
        }),
    );
    await server.#listener.start();
    return server;
  }

  /** `https://127.0.0.1:PORT/v1`. */
  get baseUrl(): string {
    return `https://127.0.0.1:${this.#listener.port}/v1`;
  }

  /** The next connection that has no plan yet gets this one. Resolves with the number of events of its script, once told. */
  expect(plan: Plan): Promise<number> {
    const { promise, resolve } = deferred<number>();
    // Awaited when the client has finished; one that never comes is told by its process.
    promise.catch(() => undefined);
    this.#waiting.push({ plan, told: resolve });
    return promise;
  }

  /** Plans that nobody came for are forgotten. */
  forget(): void {
    this.#waiting.length = 0;
  }

  close(): Promise<void> {
    return this.#listener.stop();
  }

  #open(socket: WebSocket): void {
    const next = this.#waiting.shift();
    if (!next) {
      socket.close(1008, "no script is left");
      return;
    }
    // ws closes after an error by itself, and the script ends with its next deadline.
    socket.on("error", () => undefined);
    next.told(new ScriptedSession(socket, next.plan).run());
  }
}
